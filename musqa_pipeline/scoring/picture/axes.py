"""Where ticks stand on axes of time and frequency, and how they are written.

The page of `musqa serve` has the same rules in ``serve/web/axes.js``; a test compares both.
"""

from __future__ import annotations

import math

import numpy as np

from musqa_pipeline.scoring.picture.view import Scale, View, on_scale

TIME_STEPS_S = (
    0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600,
    1200, 1800, 3600, 7200, 14400,
)  # fmt: skip
TICK_ROOM, ROW_ROOM = 70, 22
"""Pixels that a tick needs beside and above the one before."""
LEVEL_STEPS_DB, LEVEL_ROOM = (5, 10, 20, 30, 60, 120), 40


def clock(seconds: float, digits: int) -> str:
    """Write a time as minutes and seconds, with so many digits behind the point."""
    unit = 10**digits
    whole = math.floor(max(0.0, seconds) * unit + 0.5)
    minutes, rest = divmod(whole, 60 * unit)
    return f"{minutes}:{rest / unit:0{3 + digits if digits else 2}.{digits}f}"


def time_ticks(start_s: float, stop_s: float, width: int) -> list[tuple[float, str]]:
    """Return times and their texts for an axis of so many pixels."""
    fits = (step for step in TIME_STEPS_S if (stop_s - start_s) / step <= width / TICK_ROOM)
    step = next(fits, TIME_STEPS_S[-1])
    digits = math.ceil(-math.log10(step) - 1e-9) if step < 1 else 0
    first, last = math.ceil(start_s / step - 1e-9), math.floor((stop_s + 1e-9) / step)
    return [(i * step, clock(i * step, digits)) for i in range(first, last + 1)]


def hz_ticks(view: View, height: int) -> list[tuple[float, str]]:
    """Return frequencies and their texts for an axis of so many pixels, of a view that is fitted.

    They are even where the scale is, or nearly; else the roundest numbers that have room.
    """
    assert view.high_hz is not None
    low, high = view.low_hz, view.high_hz
    if view.scale == Scale.linear or high < 3 * max(low, 1.0):
        found = _even(low, high, height / ROW_ROOM)
    else:
        found = []
        for factors in ((1,), (5,), (2,), (3, 7), (4, 6, 8)):
            unit = 10
            while unit <= high:
                for hz in (float(factor * unit) for factor in factors):
                    place = place_of(hz, view)
                    far = (abs(place - place_of(o, view)) * height >= ROW_ROOM for o in found)
                    if low <= hz <= high and all(far):
                        found.append(hz)
                unit *= 10
    return [(hz, _short(hz)) for hz in sorted(found)]


def level_ticks(floor_db: float, ceiling_db: float, width: int) -> list[int]:
    """Return the levels in dB that a legend of so many pixels names."""
    fits = (s for s in LEVEL_STEPS_DB if (ceiling_db - floor_db) / s <= width / LEVEL_ROOM)
    step = next(fits, LEVEL_STEPS_DB[-1])
    return list(range(math.ceil(floor_db / step) * step, math.floor(ceiling_db) + 1, step))


def place_of(hz: float, view: View) -> float:
    """Return where a frequency lies in a fitted view, from 0 at the bottom to 1."""
    assert view.high_hz is not None
    low, at, high = on_scale(np.array([view.low_hz, hz, view.high_hz]), view.scale)
    return float((at - low) / (high - low))


def _even(low: float, high: float, most: float) -> list[float]:
    raw = (high - low) / max(1.0, most)
    unit = 10.0 ** math.floor(math.log10(raw))
    step = next(factor * unit for factor in (1, 2, 5, 10) if factor * unit >= raw - 1e-9)
    last = math.floor(high * (1 + 1e-9) / step)
    return [i * step for i in range(math.ceil(low / step - 1e-9), last + 1)]


def _short(hz: float) -> str:
    if hz >= 1000:
        return f"{round(hz / 1000, 3):g}k"
    return f"{round(hz, 2):g}"
