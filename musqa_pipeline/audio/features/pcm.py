"""Music at another rate, as 16-bit PCM: for networks on waveforms, and for images of GANs."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import soxr
from numpy.typing import NDArray

from musqa_pipeline.audio.constants import EXCERPT_S, SAMPLE_RATE_HZ
from musqa_pipeline.audio.features.looping import loop_to_excerpt
from musqa_pipeline.audio.files.flac import FULL_SCALE_16, to_int16
from musqa_pipeline.core.errors import UnfitInputError

WAVEFORM_RATE_HZ = 16_000
"""Of waveforms, as wav2vec 2.0 hears them (paper 004, 3)."""
WAVEFORM_SAMPLES = EXCERPT_S * WAVEFORM_RATE_HZ


@dataclass(frozen=True)
class Waveform:
    """An excerpt as a network on waveforms hears it."""

    pcm: NDArray[np.int16]
    """Shape (160000,): 10 s, mono, 16 kHz."""
    peak_db: float
    """Level of the loudest sample in dB re full scale."""
    rms_db: float
    """Of all samples, likewise."""
    looped: bool
    """Whether a shorter signal was looped to 10 s."""


def waveform(samples: NDArray[np.float32]) -> Waveform:
    """Bring at most 10 s of mono audio at 48 kHz to 16 kHz; less is looped to 10 s.

    Parameters
    ----------
    samples : ndarray of float32, shape (samples,)
        Full scale is 1.

    Returns
    -------
    Waveform
        Up to 8 kHz; what is louder than full scale is cut.

    Raises
    ------
    UnfitInputError
        If the signal is empty, not mono, longer than 10 s, not finite, or silent below 8 kHz.
    """
    excerpt, looped = loop_to_excerpt(samples)
    pcm = pcm_at_rate(excerpt, WAVEFORM_RATE_HZ)
    peak = int(np.abs(pcm.astype(np.int32)).max())
    if not peak:
        raise UnfitInputError("silent", "it is silent below 8 kHz", "leave it out, or use music")
    rms = math.sqrt(np.square(pcm, dtype=np.float64).mean())
    peak_db, rms_db = (20 * math.log10(x / FULL_SCALE_16) for x in (peak, rms))
    return Waveform(pcm, peak_db, rms_db, looped)


def pcm_at_rate(samples: NDArray[np.floating], sample_rate_hz: int) -> NDArray[np.int16]:
    """Bring music to the rate of its images, as 16-bit PCM.

    Parameters
    ----------
    samples : ndarray of float, shape (n,) or (n, channels)
        Music at 48 kHz; full scale is 1.
    sample_rate_hz : int
        Rate wanted.

    Returns
    -------
    ndarray of int16, shape (n * sample_rate_hz / 48000,)
        Mean of the channels, by soxr at very high quality.

    Raises
    ------
    UnfitInputError
        If a sample is not finite.
    """
    if not np.isfinite(samples).all():
        raise UnfitInputError("not_finite", "it has samples that are NaN", "decode it again")
    mono = np.asarray(samples, np.float64)
    if mono.ndim == 2:
        mono = mono.mean(axis=1)
    if sample_rate_hz != SAMPLE_RATE_HZ:
        mono = soxr.resample(mono, SAMPLE_RATE_HZ, sample_rate_hz, quality="VHQ")
    return to_int16(mono)
