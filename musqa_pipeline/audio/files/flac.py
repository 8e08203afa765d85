"""FLAC in memory, mono at 48 kHz: the stored form of a reference, 10 s and a tail in 16 bit."""

from __future__ import annotations

import io

import numpy as np
import soundfile
from numpy.typing import NDArray

from musqa_pipeline.audio.constants import SAMPLE_RATE_HZ

FULL_SCALE_16 = 1 << 15


def reference_audio(flac: bytes) -> NDArray[np.float32]:
    """Decode a stored reference to multiples of 1/32768 in [-1, 1).

    The first `EXCERPT_SAMPLES` are what is scored; the tail feeds encoders only.
    """
    samples, _ = soundfile.read(io.BytesIO(flac), dtype="float32")
    return samples


def to_int16(samples: NDArray[np.floating]) -> NDArray[np.int16]:
    """Round to 16 bit; what is over full scale is clipped, and what was 16-bit before stays.

    Rounding is plain: dither would add a noise floor that no row of the labels accounts for, and
    at -23 LUFS the rounding error of music lies 75 dB below it.
    """
    scaled = np.rint(np.asarray(samples, np.float64) * FULL_SCALE_16)
    return np.clip(scaled, -FULL_SCALE_16, FULL_SCALE_16 - 1).astype(np.int16)


def to_flac(samples: NDArray[np.number], subtype: str = "PCM_16") -> bytes:
    """Encode mono samples at 48 kHz.

    Parameters
    ----------
    samples : ndarray of int16, int32 or float, shape (samples,)
        16-bit samples, 24-bit samples in the upper bytes of 32, or floats of full scale 1.0.
    subtype : {"PCM_16", "PCM_24"}

    Returns
    -------
    bytes
        A FLAC file; the same bytes for the same samples and build of libsndfile.
    """
    buffer = io.BytesIO()
    soundfile.write(buffer, samples, SAMPLE_RATE_HZ, format="FLAC", subtype=subtype)
    return buffer.getvalue()
