"""Samples as bytes of files: the same samples give the same bytes, and nothing is cut off.

A degraded excerpt is at its label's loudness and may pass full scale. Float formats keep it as it
is. Integer formats get it lowered by whole steps of 6.02 dB, a factor of two each, until it fits;
the table says by how much.
"""

from __future__ import annotations

import io
import math

import numpy as np
from numpy.typing import NDArray
from scipy.io import wavfile

from musqa_pipeline.audio.constants import SAMPLE_RATE_HZ
from musqa_pipeline.audio.files.flac import to_flac

STEP_DB = 20.0 * math.log10(2.0)
LARGEST_24 = (2**23 - 1) / 2**23


def wav(samples: NDArray[np.float32 | np.int16]) -> bytes:
    """Write mono float32 or 16-bit samples at 48 kHz as WAV, exactly.

    libsndfile would put the time of day into a file of floats.
    """
    file = io.BytesIO()
    wavfile.write(file, SAMPLE_RATE_HZ, samples)
    return file.getvalue()


def int16_flac(samples: NDArray[np.int16]) -> bytes:
    """Write mono 16-bit samples at 48 kHz as FLAC."""
    return to_flac(samples)


def halvings(samples: NDArray[np.float32]) -> int:
    """Count how often samples have to be halved to fit into 24-bit integers."""
    peak = float(np.max(np.abs(samples), initial=0.0))
    n = 0
    while peak / 2**n > LARGEST_24:
        n += 1
    return n


def int24_flac(samples: NDArray[np.float32]) -> tuple[bytes, float]:
    """Write mono samples at 48 kHz as 24-bit FLAC, halved until they fit."""
    n = halvings(samples)
    integers = np.rint(np.asarray(samples, np.float64) * 2.0 ** (23 - n)).astype(np.int32)
    return to_flac(integers << 8, "PCM_24"), n * STEP_DB
