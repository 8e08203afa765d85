"""Loops over samples that are compiled: apart, since numba takes half a second to load.

Commands that degrade nothing, such as `musqa status`, load the modules that use these.
"""

from __future__ import annotations

import math

import numba
import numpy as np
from numpy.typing import NDArray

from musqa_pipeline.audio.constants import SAMPLE_RATE_HZ

Floats = NDArray[np.float64]


@numba.njit(cache=True, error_model="numpy")
def limited(x: Floats, threshold: float, ceiling: float) -> Floats:
    """Follow the peaks of two overlapping blocks of 1/128 s; the envelope falls in 50 ms."""
    y = np.empty_like(x)
    block = SAMPLE_RATE_HZ / 128
    release = np.exp(-3 / (0.05 * SAMPLE_RATE_HZ))
    first, second = 0.0, block / 2
    first_peak = second_peak = envelope = 0.0
    for i in range(len(x)):
        first += 1
        second += 1
        if first > block:
            first, first_peak = 0.0, 0.0
        if second > block:
            second, second_peak = 0.0, 0.0
        peak = max(abs(x[i, 0]), abs(x[i, 1]))
        first_peak, second_peak = max(first_peak, peak), max(second_peak, peak)
        held = max(first_peak, second_peak)
        envelope = held if envelope < held else held + release * (envelope - held)
        gain = ceiling / max(threshold, envelope)
        y[i, 0], y[i, 1] = x[i, 0] * gain, x[i, 1] * gain
    return y


@numba.njit(cache=True)
def read_between(x: Floats, position: Floats, table: Floats, reach: int, steps: int) -> Floats:
    """Weigh the `reach` neighbours to each side of a place by a table of `steps` a sample."""
    found = np.empty(len(position))
    for i in range(len(position)):
        whole = math.floor(position[i])
        total = 0.0
        for j in range(whole - reach + 1, whole + reach + 1):
            place = abs(position[i] - j) * steps
            step = int(place)
            part = place - step
            total += x[j] * (table[step] + part * (table[step + 1] - table[step]))
        found[i] = total
    return found
