"""How parameters are drawn: rounded, so that the stored number is the number used."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np


def between(rng: np.random.Generator, low: float, high: float) -> float:
    """Draw uniformly between two limits; rounded to four decimals."""
    return round(float(rng.uniform(low, high)), 4)


def log_between(rng: np.random.Generator, low: float, high: float) -> float:
    """Draw uniformly on a logarithmic scale, between limits above 0; rounded to one decimal."""
    return round(low * (high / low) ** float(rng.random()), 1)


def one_of(rng: np.random.Generator, weights: Mapping[str, float]) -> str:
    """Draw one of several names by their weights, which add up to 1."""
    limits = np.cumsum(list(weights.values()))
    place = int(np.searchsorted(limits, rng.random(), side="right"))
    return list(weights)[min(place, len(limits) - 1)]
