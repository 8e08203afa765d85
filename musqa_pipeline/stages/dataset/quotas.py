"""How many rows each bin or part gives: even shares, with what one cannot give handed on."""

from __future__ import annotations

import bisect

import numpy as np
from numpy.typing import ArrayLike, NDArray


def fill_evenly(size: int, supply: ArrayLike) -> NDArray[np.int64]:
    """Share `size` over bins so that no bin could be raised without lowering a fuller one.

    Water-filling: every bin gives the same number, or all it has. What does not divide evenly
    goes, one row each, to the bins with most left.
    """
    supply = np.asarray(supply, dtype=np.int64)
    size = min(size, int(supply.sum()))
    # The highest whole level that does not ask for more than `size`.
    levels = range(1, int(supply.max(initial=0)) + 1)
    level = bisect.bisect_right(levels, size, key=lambda n: np.minimum(supply, n).sum())
    quotas = np.minimum(supply, level)
    left_over = size - int(quotas.sum())
    by_supply_left = np.argsort(-(supply - quotas), kind="stable")
    quotas[by_supply_left[:left_over]] += 1
    return quotas


def fill_in_proportion(size: int, weights: ArrayLike, supply: ArrayLike) -> NDArray[np.int64]:
    """Share `size` over parts in proportion to their weights, as far as their supply goes."""
    weights = np.asarray(weights, dtype=np.float64)
    supply = np.where(weights > 0, np.asarray(supply, dtype=np.int64), 0)
    size = min(size, int(supply.sum()))
    exact = np.zeros(len(weights))
    open_parts = supply > 0
    while open_parts.any():
        rest = size - exact[~open_parts].sum()
        exact[open_parts] = rest * weights[open_parts] / weights[open_parts].sum()
        full = open_parts & (exact >= supply)
        if not full.any():
            break
        exact[full] = supply[full]
        open_parts &= ~full
    shares = np.floor(exact + 1e-9).astype(np.int64)
    by_remainder = np.argsort(-np.where(shares < supply, exact - shares, -1.0), kind="stable")
    shares[by_remainder[: size - int(shares.sum())]] += 1
    return shares
