"""Intervals that follow from a coefficient and the number of rows, without a resample.

They take rows for independent. Rows of one recording are not: where recordings are known, the
bootstrap over them (`musqa_pipeline.studies.statistics.bootstrap`) is the honest one, and wider.
"""

from __future__ import annotations

import math
from typing import Literal

import numpy as np
import scipy
from numpy.typing import ArrayLike

Coefficient = Literal["pearson", "spearman", "kendall"]

LARGEST = 1.0 - 1e-15
"""A coefficient of 1 has no Fisher transform; this one stands for it."""


def fisher_z(coefficient: ArrayLike) -> np.ndarray:
    """Transform correlations so that their error is nearly normal: artanh, but finite.

    Raises
    ------
    ValueError
        If a value is no correlation.
    """
    r = np.asarray(coefficient, dtype=np.float64)
    if not (np.abs(r) <= 1.0).all():
        raise ValueError(f"coefficient={r}: expected correlations in [-1, 1]")
    return np.arctanh(np.clip(r, -LARGEST, LARGEST))


def fisher_mean(coefficients: ArrayLike, weights: ArrayLike | None = None) -> float:
    """Average correlations on Fisher's scale [1]_.

    Parameters
    ----------
    coefficients : array_like of float, shape (n,)
        In [-1, 1], one or more.
    weights : array_like of float, shape (n,), optional
        Rows less 3 for correlations of samples of different size; equal when left out.

    Returns
    -------
    float
        In [-1, 1], farther from 0 than the plain mean. Over samples of n rows it lies above the
        truth by about r (1 - r²) / (2 (n - 1)); the plain mean lies as far below it.

    Raises
    ------
    ValueError
        If there is none, or a value is no correlation.

    References
    ----------
    .. [1] N. C. Silver, W. P. Dunlap, Averaging correlation coefficients, 1987,
       doi:10.1037/0021-9010.72.1.146.
    """
    z = fisher_z(coefficients)
    if not z.size:
        raise ValueError("no coefficients: expected one or more to average")
    return float(np.tanh(np.average(z, weights=None if weights is None else np.asarray(weights))))


def correlation_interval(
    coefficient: float,
    n_rows: int,
    *,
    confidence: float = 0.95,
    kind: Coefficient = "pearson",
) -> tuple[float, float] | None:
    """Return the interval of a correlation by Fisher's transform.

    Parameters
    ----------
    coefficient : float
        In [-1, 1].
    n_rows : int
        Independent rows behind it.
    confidence : float
    kind : str
        Which coefficient; it decides the standard error on Fisher's scale: 1 / (n - 3) for
        Pearson's, (1 + r² / 2) / (n - 3) for Spearman's [1]_, 0.437 / (n - 4) for Kendall's [2]_,
        under the root.

    Returns
    -------
    tuple of float or None
        Lower and upper end, in [-1, 1]; None with too few rows for a standard error.

    References
    ----------
    .. [1] D. G. Bonett, T. A. Wright, Sample size requirements for estimating Pearson, Kendall
       and Spearman correlations, 2000, doi:10.1007/BF02294183.
    .. [2] E. C. Fieller, H. O. Hartley, E. S. Pearson, Tests for rank correlation coefficients I,
       1957, doi:10.1093/biomet/44.3-4.470.
    """
    lost = 4 if kind == "kendall" else 3
    if n_rows <= lost:
        return None
    numerator = {"pearson": 1.0, "spearman": 1.0 + coefficient**2 / 2, "kendall": 0.437}[kind]
    quantile = float(scipy.stats.norm.ppf((1.0 + confidence) / 2.0))
    reach = quantile * math.sqrt(numerator / (n_rows - lost))
    z = float(fisher_z(coefficient))
    return math.tanh(z - reach), math.tanh(z + reach)


def correlation_p_value(coefficient: float, n_rows: int) -> float:
    """Return how often rows without any correlation give one at least as far from 0.

    From Student's t with n - 2 degrees of freedom, two-sided, as paper 000 has it (its table 2).

    Parameters
    ----------
    coefficient : float
        Pearson's or Spearman's, in [-1, 1].
    n_rows : int
        Independent rows behind it, 3 or more.

    Returns
    -------
    float
        In [0, 1].

    Raises
    ------
    ValueError
        With fewer than three rows, or a value that is no correlation.
    """
    fisher_z(coefficient)
    if n_rows < 3:
        raise ValueError(f"n_rows={n_rows}: expected 3 or more to test a correlation")
    if abs(coefficient) == 1.0:
        return 0.0
    statistic = coefficient * math.sqrt((n_rows - 2) / (1.0 - coefficient**2))
    return float(2 * scipy.stats.t.sf(abs(statistic), n_rows - 2))


def rmse_interval(
    value: float, n_rows: int, *, n_fitted: int = 0, confidence: float = 0.95
) -> tuple[float, float] | None:
    """Return the interval of an RMSE of normal errors about zero, by chi-square [1]_.

    For RMSE*, whose errors are cut off at zero, it is an approximation.

    Parameters
    ----------
    value : float
        RMSE with `n_fitted` taken off its denominator.
    n_rows : int
        Independent rows behind it.
    n_fitted : int
        Coefficients that were fitted to the labels; 4 after the third-order mapping.
    confidence : float

    Returns
    -------
    tuple of float or None
        Lower and upper end in the unit of `value`; None where no row is left.

    References
    ----------
    .. [1] ITU-T P.1401 (2020), clauses 7.5.1 and 7.7.
    """
    freedom = n_rows - n_fitted
    if freedom < 1:
        return None
    tail = (1.0 - confidence) / 2.0
    high, low = scipy.stats.chi2.ppf([tail, 1.0 - tail], freedom)
    return value * math.sqrt(freedom / low), value * math.sqrt(freedom / high)


def mean_interval(
    values: ArrayLike, *, confidence: float = 0.95
) -> tuple[float, tuple[float, float] | None]:
    """Return a mean and its interval by Student's t; of ratings it is the MOS.

    Parameters
    ----------
    values : array_like of float, shape (n,)
        One or more independent values.
    confidence : float

    Returns
    -------
    tuple of float and (tuple of float or None)
        The mean; lower and upper end, None with a single value.

    Raises
    ------
    ValueError
        If there is none.
    """
    x = np.asarray(values, dtype=np.float64)
    if not x.size:
        raise ValueError("no values: expected one or more to average")
    mean = float(x.mean())
    if x.size < 2:
        return mean, None
    quantile = float(scipy.stats.t.ppf((1.0 + confidence) / 2.0, x.size - 1))
    reach = quantile * float(x.std(ddof=1)) / math.sqrt(x.size)
    return mean, (mean - reach, mean + reach)
