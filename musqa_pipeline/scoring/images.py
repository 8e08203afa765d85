"""From a window to the image that the model sees: 10 s, mono, 48 kHz, -23 LUFS, band analysis."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from musqa_pipeline.audio.constants import EXCERPT_SAMPLES, SAMPLE_RATE_HZ
from musqa_pipeline.audio.features.looping import loop_to_excerpt

SILENT_LUFS = -70.0


def to_excerpt(
    mono: NDArray[np.float32], sample_rate_hz: int, *, margin_frames: int = 0
) -> tuple[NDArray[np.float32], bool]:
    """Resample a window to 48 kHz and repeat it to 10 s if it is shorter.

    Parameters
    ----------
    mono : ndarray of float32, shape (frames,)
        At most 10 s and the margins; finite.
    sample_rate_hz : int
        Of `mono`.
    margin_frames : int
        Frames before and after that are cut off again after resampling.

    Returns
    -------
    excerpt : ndarray of float32, shape (480000,)
        At the window's own level.
    looped : bool
        Whether it was shorter.
    """
    n = len(mono) - 2 * margin_frames
    if sample_rate_hz == SAMPLE_RATE_HZ:
        return loop_to_excerpt(mono[margin_frames : margin_frames + n])
    import soxr

    resampled = soxr.resample(mono, sample_rate_hz, SAMPLE_RATE_HZ, quality="VHQ")
    first = margin_frames * SAMPLE_RATE_HZ // sample_rate_hz
    length = max(1, round(n * SAMPLE_RATE_HZ / sample_rate_hz))
    return loop_to_excerpt(resampled[first : first + length])


def to_image(excerpt: NDArray[np.float32]) -> NDArray[np.uint8] | None:
    """Level an excerpt and analyse its bands.

    Parameters
    ----------
    excerpt : ndarray of float32, shape (480000,)
        Mono, 48 kHz, of any level.

    Returns
    -------
    ndarray of uint8, shape (31, 1024), or None
        The band image; None for silence, below the absolute gate of BS.1770.

    Notes
    -----
    Loudness is measured on a copy whose RMS stands at the target, so that the absolute gate of
    BS.1770 lies as far below the sound as it did for the excerpts of the training, whatever the
    gain of the recording.
    """
    from musqa_pipeline.audio.features.bands import TARGET_LUFS, band_image
    from musqa_pipeline.audio.measures.excerpt_loudness import gain_to_target_db, integrated_lufs

    x = excerpt.astype(np.float64)
    peak = float(np.abs(x).max())
    if peak == 0.0:
        return None
    x /= peak  # first, so that no square is too large or too small for a float
    gain = 10 ** (TARGET_LUFS / 20) / math.sqrt(float(np.sum(x * x)) / EXCERPT_SAMPLES)
    x *= gain
    lufs = integrated_lufs(x)
    if not lufs - 20 * math.log10(gain / peak) > SILENT_LUFS:  # -inf too
        return None
    x *= 10 ** (gain_to_target_db(lufs, TARGET_LUFS) / 20)
    return band_image(x)
