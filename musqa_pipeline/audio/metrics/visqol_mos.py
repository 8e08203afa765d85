"""ViSQOL of two recordings in memory, in one call, which loads the engine: that takes a second."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any

import numpy as np
import soxr
from numpy.typing import NDArray

from musqa_pipeline.audio.constants import SAMPLE_RATE_HZ
from musqa_pipeline.audio.files import limits
from musqa_pipeline.audio.files.arrays import as_frames
from musqa_pipeline.audio.files.reading import to_mono
from musqa_pipeline.core.errors import UnfitInputError

if find_spec("numba") is None:  # who imports this learns at once that the call would fail
    raise ModuleNotFoundError("No module named 'numba'", name="numba")


def visqol_mos(reference: Any, degraded: Any, sample_rate_hz: int) -> float:
    """Return how like its reference a degraded recording sounds, by ViSQOL v3 in audio mode.

    As `musqa label` scores files: channels are mixed to their mean, other rates are resampled to
    48 kHz, a delay is found and undone. To score many versions of one reference, or for more than
    the number, see `musqa_pipeline.audio.metrics.visqol.Reference`.

    Parameters
    ----------
    reference, degraded : array_like
        Floats of full scale 1.0, or 16- or 32-bit integers; shape (frames,), (frames, channels) or
        (channels, frames); torch tensors, too. 3 to 10 s suit the metric best.
    sample_rate_hz : int
        Of both; 4,000 to 768,000.

    Returns
    -------
    float
        MOS-LQO, 1 to 4.73.

    Raises
    ------
    UnfitInputError
        If one is no recording, too short or too long, not finite, or the reference is silent.

    Examples
    --------
    >>> import numpy as np
    >>> from musqa_pipeline import visqol_mos
    >>> noise = np.random.default_rng(0).normal(0.0, 0.1, (2, 3 * 48_000))
    >>> round(visqol_mos(noise, noise, 48_000), 2)
    4.73
    """
    from musqa_pipeline.audio.metrics.visqol import Reference

    reference_n = _mono(reference, sample_rate_hz, "reference")
    return Reference(reference_n).score(_mono(degraded, sample_rate_hz, "degraded")).mos


def _mono(samples: Any, sample_rate_hz: int, what: str) -> NDArray[np.float32]:
    try:
        frames = as_frames(samples)
        limits.check_limits(sample_rate_hz, frames.shape[1])
        if len(frames) > limits.MAX_PAIR_S * sample_rate_hz:
            raise UnfitInputError(
                "too_long",
                f"it lasts {len(frames) / sample_rate_hz:.0f} s",
                f"give it {limits.MAX_PAIR_S:.0f} s at most",
            )
        limits.check_level(frames)
    except UnfitInputError as error:
        raise UnfitInputError(error.reason, f"{what}: {error.detail}", error.advice) from error
    mono = to_mono(frames)
    if sample_rate_hz == SAMPLE_RATE_HZ:
        return mono
    return soxr.resample(mono, sample_rate_hz, SAMPLE_RATE_HZ, quality="VHQ")
