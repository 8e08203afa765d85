"""Agreement between labels and predictions: nine metrics, each with a rule for what has none.

All take `label`, what was to be predicted, and `predicted`, what was: of shape (rows,). They raise
ValueError if the shapes differ or a value is not finite. A correlation needs two sides that vary
and R² needs labels that vary; where they do not, the result is None and never NaN. Unit: what goes
in, so points for the 0-100 scale of the report.
"""

from __future__ import annotations

import numpy as np
import scipy
from numpy.typing import ArrayLike, NDArray

CONSTANT_BELOW = 1e-9
"""Values that differ by no more than this are constant: no correlation with them is defined."""


def checked_pair(label: ArrayLike, predicted: ArrayLike) -> tuple[NDArray[np.float64], ...]:
    """Return labels and predictions as arrays of float64, one value each per row.

    Raises
    ------
    ValueError
        If the shapes differ or a value is not finite.
    """
    x, y = np.asarray(label, dtype=np.float64), np.asarray(predicted, dtype=np.float64)
    if x.ndim != 1 or x.shape != y.shape:
        raise ValueError(
            f"label has shape {x.shape}, predicted {y.shape}: expected one value each per row"
        )
    n_bad = int((~np.isfinite(x)).sum() + (~np.isfinite(y)).sum())
    if n_bad:
        raise ValueError(f"{n_bad} of {2 * len(x)} values are not finite: expected numbers only")
    return x, y


def is_constant(values: NDArray[np.float64]) -> bool:
    """Whether values of shape (rows,) differ by no more than `CONSTANT_BELOW`, or are too few."""
    return len(values) < 2 or bool(np.ptp(values) <= CONSTANT_BELOW)


def pearson(label: ArrayLike, predicted: ArrayLike) -> float | None:
    """Pearson's correlation coefficient.

    Parameters
    ----------
    label, predicted : array_like of float, shape (rows,)

    Returns
    -------
    float or None
        In [-1, 1]; None with fewer than two rows or where one side is constant.
    """
    x, y = checked_pair(label, predicted)
    if is_constant(x) or is_constant(y):
        return None
    x, y = x - x.mean(), y - y.mean()
    return float(np.clip(x @ y / np.sqrt((x @ x) * (y @ y)), -1.0, 1.0))


def spearman(label: ArrayLike, predicted: ArrayLike) -> float | None:
    """Spearman's rank correlation; ties get their mean rank.

    Parameters
    ----------
    label, predicted : array_like of float, shape (rows,)

    Returns
    -------
    float or None
        In [-1, 1]; None with fewer than two rows or where one side is constant.
    """
    x, y = checked_pair(label, predicted)
    if is_constant(x) or is_constant(y):
        return None
    return pearson(scipy.stats.rankdata(x), scipy.stats.rankdata(y))


def kendall(label: ArrayLike, predicted: ArrayLike) -> float | None:
    """Kendall's rank correlation tau-b, which corrects for ties.

    Parameters
    ----------
    label, predicted : array_like of float, shape (rows,)

    Returns
    -------
    float or None
        In [-1, 1]; None with fewer than two rows or where one side is constant.
    """
    x, y = checked_pair(label, predicted)
    if is_constant(x) or is_constant(y):
        return None
    return float(scipy.stats.kendalltau(x, y, variant="b").statistic)


def rmse(label: ArrayLike, predicted: ArrayLike, *, n_fitted: int = 0) -> float | None:
    """Root mean square error.

    Parameters
    ----------
    label, predicted : array_like of float, shape (rows,)
    n_fitted : int
        Coefficients that were fitted to these labels: 4 after the mapping of ITU-T P.1401. The
        sum of squares is divided by rows - `n_fitted`.

    Returns
    -------
    float or None
        0 or more, in the unit of the labels; None where no row is left to divide by.
    """
    x, y = checked_pair(label, predicted)
    return _root_mean((y - x) ** 2, n_fitted)


def rmse_star(
    label: ArrayLike, predicted: ArrayLike, half_width: ArrayLike, *, n_fitted: int = 0
) -> float | None:
    """Epsilon-insensitive root mean square error, RMSE* [1]_.

    An error counts only by what it exceeds the label's own uncertainty.

    Parameters
    ----------
    label, predicted : array_like of float, shape (rows,)
        Mean opinion scores, and what was predicted.
    half_width : array_like of float, shape (rows,) or ()
        Half the width of each label's 95 % interval, in the unit of the labels, 0 or more.
    n_fitted : int

    Returns
    -------
    float or None
        From 0 to the RMSE; None where no row is left to divide by.

    Raises
    ------
    ValueError
        If the shapes differ, a value is not finite or a half width is negative.

    References
    ----------
    .. [1] ITU-T P.1401 (2020), clause 7.7.
    """
    x, y = checked_pair(label, predicted)
    epsilon = np.broadcast_to(np.asarray(half_width, dtype=np.float64), x.shape)
    if not (np.isfinite(epsilon).all() and (epsilon >= 0).all()):
        raise ValueError("half_width has values that are no number or negative: expected 0 or more")
    return _root_mean(np.maximum(np.abs(y - x) - epsilon, 0.0) ** 2, n_fitted)


def mae(label: ArrayLike, predicted: ArrayLike) -> float | None:
    """Mean absolute error.

    Parameters
    ----------
    label, predicted : array_like of float, shape (rows,)

    Returns
    -------
    float or None
        0 or more, in the unit of the labels; None without rows.
    """
    x, y = checked_pair(label, predicted)
    return float(np.mean(np.abs(y - x))) if len(x) else None


def r2(label: ArrayLike, predicted: ArrayLike) -> float | None:
    """Coefficient of determination: 1 - squared error / spread of the labels about their mean.

    Parameters
    ----------
    label, predicted : array_like of float, shape (rows,)

    Returns
    -------
    float or None
        At most 1, negative for a prediction worse than the labels' own mean; None with fewer
        than two rows or constant labels.
    """
    x, y = checked_pair(label, predicted)
    if is_constant(x):
        return None
    return float(1.0 - np.sum((y - x) ** 2) / np.sum((x - x.mean()) ** 2))


def _root_mean(squares: NDArray[np.float64], n_fitted: int) -> float | None:
    left = len(squares) - n_fitted
    return float(np.sqrt(squares.sum() / left)) if left > 0 else None


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


def auc(label: ArrayLike, predicted: ArrayLike) -> float | None:
    """Return how often what is so scores above what is not: the area under the ROC curve.

    Parameters
    ----------
    label, predicted : array_like of float, shape (rows,)
        Labels above 0.5 say that it is so.

    Returns
    -------
    float or None
        In [0, 1], 0.5 by guessing; a tie counts half. None where rows are all of one side.
    """
    x, y = checked_pair(label, predicted)
    is_so = x > 0.5
    n_so, n_not = int(is_so.sum()), int((~is_so).sum())
    if not (n_so and n_not):
        return None
    above = scipy.stats.rankdata(y)[is_so].sum() - n_so * (n_so + 1) / 2
    return float(above / (n_so * n_not))


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
