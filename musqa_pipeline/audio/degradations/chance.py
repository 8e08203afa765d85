"""How parameters are drawn: rounded, so that the stored number is the number used."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np


def between(rng: np.random.Generator, low: float, high: float) -> float:
    """Draw uniformly.

    Parameters
    ----------
    rng : numpy.random.Generator
    low, high : float

    Returns
    -------
    float
        Rounded to four decimals.
    """
    return round(float(rng.uniform(low, high)), 4)


def log_between(rng: np.random.Generator, low: float, high: float) -> float:
    """Draw uniformly on a logarithmic scale.

    Parameters
    ----------
    rng : numpy.random.Generator
    low, high : float
        Limits, above 0.

    Returns
    -------
    float
        Rounded to one decimal.
    """
    return round(low * (high / low) ** float(rng.random()), 1)


def one_of(rng: np.random.Generator, weights: Mapping[str, float]) -> str:
    """Draw a name.

    Parameters
    ----------
    rng : numpy.random.Generator
    weights : mapping of str to float
        Names with their probabilities, which add up to 1.

    Returns
    -------
    str
    """
    limits = np.cumsum(list(weights.values()))
    place = int(np.searchsorted(limits, rng.random(), side="right"))
    return list(weights)[min(place, len(limits) - 1)]
