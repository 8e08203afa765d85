"""Statistics in which every recording has one vote, however many rows it has."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def vote_weights(recordings: Sequence[str]) -> NDArray[np.float64]:
    """Return the weight of each row, so that the rows of a recording sum to 1."""
    _, index, counts = np.unique(
        np.asarray(recordings, dtype=str), return_inverse=True, return_counts=True
    )
    return np.asarray(1.0 / counts[index], np.float64)


def weighted_quantile(
    values: NDArray[np.floating], weight: NDArray[np.floating], share: float
) -> float:
    """Return the least value that has a share of the weight at or below it."""
    order = np.argsort(values, kind="stable")
    reached = np.cumsum(np.asarray(weight, np.float64)[order])
    index = int(np.searchsorted(reached, share * reached[-1] * (1 - 1e-12)))
    return float(np.asarray(values)[order][min(index, len(order) - 1)])
