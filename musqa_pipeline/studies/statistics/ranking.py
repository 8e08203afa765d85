"""Pairwise ranking accuracy of paper 004: of pairs that listeners tell apart, how many in order."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from musqa_pipeline.studies.statistics.metrics import checked_pair


def pairwise_ranking_accuracy(
    label: ArrayLike, predicted: ArrayLike, threshold: float
) -> float | None:
    """Return the share of clearly different pairs that are ranked as the labels rank them [1]_.

    Parameters
    ----------
    label, predicted : array_like of float, shape (rows,)
    threshold : float
        Pairs count whose labels differ by more than this, in the unit of the labels: see
        `mean_full_width`.

    Returns
    -------
    float or None
        In [0, 1], 0.5 by guessing; a tie of predictions counts half. None without such a pair.

    Raises
    ------
    ValueError
        If the shapes differ, a value is not finite or the threshold is negative.

    References
    ----------
    .. [1] A. Ragano, E. Benetos, A. Hines, Audio quality assessment of vinyl music collections
       using self-supervised learning, 2023, section 6.
    """
    x, y = checked_pair(label, predicted)
    if not threshold >= 0:
        raise ValueError(f"threshold={threshold}: expected 0 or more, in the unit of the labels")
    order = np.argsort(x, kind="stable")
    x, y = x[order], y[order]
    n_pairs, n_half_ranked = 0, 0.0
    for i in range(len(x)):  # a row at a time: all pairs of 13,000 rows would take 1 GB
        above = y[x - x[i] > threshold]
        n_pairs += len(above)
        n_half_ranked += float(np.sign(above - y[i]).sum())
    return (n_half_ranked / n_pairs + 1.0) / 2.0 if n_pairs else None


def mean_full_width(half_width: ArrayLike) -> float:
    """Return paper 004's threshold: the mean full width of the 95 % intervals of opinions.

    Parameters
    ----------
    half_width : array_like of float, shape (rows,)
        Half widths of the training set's labels, so that no test label sets its own bar.

    Returns
    -------
    float
        In the unit of the labels.

    Raises
    ------
    ValueError
        If there is none, or one is negative or no number.
    """
    widths = np.asarray(half_width, dtype=np.float64)
    if not (widths.size and np.isfinite(widths).all() and (widths >= 0).all()):
        raise ValueError("half_width: expected one value or more, finite and 0 or above")
    return float(2.0 * widths.mean())
