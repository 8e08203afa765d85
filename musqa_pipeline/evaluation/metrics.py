"""Agreement between labels and predictions: five metrics, each with a rule for what has none.

A correlation needs two sides that vary and R² needs labels that vary; where they do not, the
result is None and never NaN. Unit: what goes in, so points for the 0-100 scale of the report.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

CONSTANT_BELOW = 1e-9
"""Values that differ by no more than this are constant: no correlation with them is defined."""


def _pair(label: ArrayLike, predicted: ArrayLike) -> tuple[NDArray[np.float64], ...]:
    x, y = np.asarray(label, dtype=np.float64), np.asarray(predicted, dtype=np.float64)
    if x.ndim != 1 or x.shape != y.shape:
        raise ValueError(
            f"label has shape {x.shape}, predicted {y.shape}: expected one value each per row"
        )
    n_bad = int((~np.isfinite(x)).sum() + (~np.isfinite(y)).sum())
    if n_bad:
        raise ValueError(f"{n_bad} of {2 * len(x)} values are not finite: expected numbers only")
    return x, y


def _constant(values: NDArray[np.float64]) -> bool:
    return len(values) < 2 or bool(np.ptp(values) <= CONSTANT_BELOW)


def pearson(label: ArrayLike, predicted: ArrayLike) -> float | None:
    """Pearson's correlation coefficient.

    Parameters
    ----------
    label, predicted : array_like of float, shape (rows,)
        What was to be predicted, and what was.

    Returns
    -------
    float or None
        In [-1, 1]; None with fewer than two rows or where one side is constant.

    Raises
    ------
    ValueError
        If the shapes differ or a value is not finite.
    """
    x, y = _pair(label, predicted)
    if _constant(x) or _constant(y):
        return None
    x, y = x - x.mean(), y - y.mean()
    return float(np.clip(x @ y / np.sqrt((x @ x) * (y @ y)), -1.0, 1.0))


def spearman(label: ArrayLike, predicted: ArrayLike) -> float | None:
    """Spearman's rank correlation; ties get their mean rank.

    Parameters
    ----------
    label, predicted : array_like of float, shape (rows,)
        What was to be predicted, and what was.

    Returns
    -------
    float or None
        In [-1, 1]; None with fewer than two rows or where one side is constant.

    Raises
    ------
    ValueError
        If the shapes differ or a value is not finite.
    """
    x, y = _pair(label, predicted)
    if _constant(x) or _constant(y):
        return None
    return pearson(stats.rankdata(x), stats.rankdata(y))


def rmse(label: ArrayLike, predicted: ArrayLike) -> float | None:
    """Root mean square error.

    Parameters
    ----------
    label, predicted : array_like of float, shape (rows,)
        What was to be predicted, and what was.

    Returns
    -------
    float or None
        0 or more, in the unit of the labels; None without rows.

    Raises
    ------
    ValueError
        If the shapes differ or a value is not finite.
    """
    x, y = _pair(label, predicted)
    return float(np.sqrt(np.mean((y - x) ** 2))) if len(x) else None


def mae(label: ArrayLike, predicted: ArrayLike) -> float | None:
    """Mean absolute error.

    Parameters
    ----------
    label, predicted : array_like of float, shape (rows,)
        What was to be predicted, and what was.

    Returns
    -------
    float or None
        0 or more, in the unit of the labels; None without rows.

    Raises
    ------
    ValueError
        If the shapes differ or a value is not finite.
    """
    x, y = _pair(label, predicted)
    return float(np.mean(np.abs(y - x))) if len(x) else None


def r2(label: ArrayLike, predicted: ArrayLike) -> float | None:
    """Coefficient of determination: 1 - squared error / spread of the labels about their mean.

    Parameters
    ----------
    label, predicted : array_like of float, shape (rows,)
        What was to be predicted, and what was.

    Returns
    -------
    float or None
        At most 1, negative for a prediction worse than the labels' own mean; None with fewer
        than two rows or constant labels.

    Raises
    ------
    ValueError
        If the shapes differ or a value is not finite.
    """
    x, y = _pair(label, predicted)
    if _constant(x):
        return None
    return float(1.0 - np.sum((y - x) ** 2) / np.sum((x - x.mean()) ** 2))


METRICS: dict[str, Callable[[ArrayLike, ArrayLike], float | None]] = {
    "pearson": pearson,
    "spearman": spearman,
    "rmse": rmse,
    "mae": mae,
    "r2": r2,
}
"""The metrics of the table `evaluations`, by name."""
