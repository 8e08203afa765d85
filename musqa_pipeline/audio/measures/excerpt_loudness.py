"""Integrated loudness of a mono excerpt, and the gain that brings it to a target."""

from __future__ import annotations

import functools
import math
import warnings

import numpy as np
import pyloudnorm
from numpy.typing import NDArray

from musqa_pipeline.audio.constants import SAMPLE_RATE_HZ


def integrated_lufs(mono: NDArray[np.floating], sample_rate_hz: int = SAMPLE_RATE_HZ) -> float:
    """Measure the loudness of mono samples, 400 ms or more, after ITU-R BS.1770-4 with pyloudnorm.

    It is -inf where every gating block is below -70 LUFS.
    """
    with warnings.catch_warnings():  # numpy's, about the mean of no block
        warnings.simplefilter("ignore", RuntimeWarning)
        return float(_meter(sample_rate_hz).integrated_loudness(np.asarray(mono, np.float64)))


def gain_to_target_db(measured_lufs: float, target_lufs: float) -> float:
    """Return the gain between two loudnesses; raise ValueError if `measured_lufs` is not finite."""
    if not math.isfinite(measured_lufs):
        raise ValueError(f"measured_lufs={measured_lufs}: expected finite; drop the signal")
    return target_lufs - measured_lufs


@functools.cache
def _meter(sample_rate_hz: int) -> pyloudnorm.Meter:
    return pyloudnorm.Meter(sample_rate_hz)
