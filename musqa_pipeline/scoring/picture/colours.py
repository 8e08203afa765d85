"""Levels as colours: dark to light, the same stops as ``serve/web/colours.js``."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

STOPS = ((10, 9, 22), (52, 22, 92), (134, 38, 108), (217, 84, 74), (250, 158, 72), (252, 236, 168))
"""Red, green, blue, evenly spread from the floor to the ceiling."""
USUAL_RANGE_DB = 90.0
LOWEST_CEILING_DB = -30.0
"""Of a recording that is softer: noise of 16 bits is not to look like music."""


def usual_range(loudest_db: float) -> tuple[float, float]:
    """Return floor and ceiling in dB for a recording whose loudest cell has this level."""
    ceiling_db = max(LOWEST_CEILING_DB, math.ceil(loudest_db / 5) * 5.0)
    return ceiling_db - USUAL_RANGE_DB, ceiling_db


def tint(parts: NDArray[np.floating]) -> NDArray[np.uint8]:
    """Return colours (…, 3) of parts of the range, from 0 to 1; others are as its ends."""
    places = np.clip(parts, 0.0, 1.0) * (len(STOPS) - 1)
    channels = [
        np.interp(places, np.arange(len(STOPS)), values) for values in zip(*STOPS, strict=True)
    ]
    return np.floor(np.stack(channels, axis=-1) + 0.5).astype(np.uint8)
