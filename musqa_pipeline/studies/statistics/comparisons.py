"""Is one correlation, one RMSE or one mean better than the other? With its p-value, two-sided.

Which test is right depends on what the two share: nothing (`compare_correlations`,
`compare_rmses`, `unpaired_t`), the labels (`steiger`, `williams`) or the repetitions (`paired_t`).
Rows of one recording hang together, and none of these tests knows it;
`bootstrap.paired_difference` does.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import scipy
from numpy.typing import ArrayLike

from musqa_pipeline.studies.statistics.intervals import fisher_z


@dataclass(frozen=True)
class Comparison:
    """The outcome of one test."""

    test: str
    """Its name: student_t, paired_t, one_sample_t, fisher_z, steiger_z, williams_t, f_ratio."""
    difference: float
    """First less second, in their own unit."""
    statistic: float
    """Student's t, the normal z, or the ratio F; the sign is that of the difference."""
    p_value: float
    """Two-sided, in [0, 1]."""
    degrees_of_freedom: tuple[int, ...] = ()
    """Of the statistic; empty for a normal one."""


def compare_correlations(r_1: float, n_1: int, r_2: float, n_2: int) -> Comparison:
    """Compare two correlations of independent samples on Fisher's scale [1]_.

    Parameters
    ----------
    r_1, r_2 : float
        Pearson correlations.
    n_1, n_2 : int
        Rows behind each, 4 or more.

    Returns
    -------
    Comparison
        With a normal statistic.

    Raises
    ------
    ValueError
        With fewer than four rows, or values that are no correlations.

    References
    ----------
    .. [1] ITU-T P.1401 (2020), clause 7.6.1.
    """
    _require_rows(min(n_1, n_2))
    gap = float(fisher_z(r_1) - fisher_z(r_2))
    return _by_normal("fisher_z", r_1 - r_2, gap / math.sqrt(1 / (n_1 - 3) + 1 / (n_2 - 3)))


def compare_rmses(
    rmse_1: float, n_1: int, rmse_2: float, n_2: int, *, n_fitted: int = 0
) -> Comparison:
    """Compare two RMSEs of independent samples by the ratio of their squares [1]_.

    P.1401 puts the larger on top and calls the difference significant above the 95 % quantile of
    F; which is on top is seen in the data, so that its rule is `p_value` < 0.10 here.

    Parameters
    ----------
    rmse_1, rmse_2 : float
        Above 0, in one unit.
    n_1, n_2 : int
        Rows behind each.
    n_fitted : int
        Coefficients fitted to the labels of each; 4 after the third-order mapping.

    Returns
    -------
    Comparison
        The statistic is the ratio of the squares, first by second.

    Raises
    ------
    ValueError
        If an RMSE is not above 0 or no rows are left.

    References
    ----------
    .. [1] ITU-T P.1401 (2020), clause 7.6.4.
    """
    freedom = (n_1 - n_fitted, n_2 - n_fitted)
    if min(freedom) < 1 or not (rmse_1 > 0 and rmse_2 > 0):
        raise ValueError(
            f"rmse {rmse_1} of {n_1} rows, {rmse_2} of {n_2}, n_fitted={n_fitted}: expected errors "
            "above 0 and more rows than fitted coefficients"
        )
    ratio = (rmse_1 / rmse_2) ** 2
    tail = min(float(scipy.stats.f.sf(ratio, *freedom)), float(scipy.stats.f.cdf(ratio, *freedom)))
    return Comparison("f_ratio", rmse_1 - rmse_2, ratio, min(1.0, 2 * tail), freedom)


def steiger(r_1: float, r_2: float, r_between: float, n_rows: int) -> Comparison:
    """Compare two correlations with the same labels: Steiger's Z with mean correlations [1]_.

    Parameters
    ----------
    r_1, r_2 : float
        Correlation of the labels with either prediction.
    r_between : float
        Correlation of the two predictions.
    n_rows : int
        Rows, 4 or more; both predictions are of the same ones.

    Returns
    -------
    Comparison
        With a normal statistic.

    Raises
    ------
    ValueError
        With fewer than four rows, or correlations that cannot be together.

    References
    ----------
    .. [1] J. H. Steiger, Tests for comparing elements of a correlation matrix, 1980,
       formula 14, doi:10.1037/0033-2909.87.2.245.
    """
    _require_rows(n_rows)
    _determinant(r_1, r_2, r_between)
    gap = float(fisher_z(r_1) - fisher_z(r_2))
    if gap == 0:
        return _by_normal("steiger_z", r_1 - r_2, 0.0)
    square = ((r_1 + r_2) / 2) ** 2
    covariance = (r_between * (1 - 2 * square) - square * (1 - 2 * square - r_between**2) / 2) / (
        1 - square
    ) ** 2
    return _by_normal(
        "steiger_z", r_1 - r_2, gap * math.sqrt((n_rows - 3) / max(2 - 2 * covariance, 1e-300))
    )


def williams(r_1: float, r_2: float, r_between: float, n_rows: int) -> Comparison:
    """Compare two correlations with the same labels: Williams' t [1]_.

    Parameters
    ----------
    r_1, r_2, r_between : float
    n_rows : int
        All as for `steiger`.

    Returns
    -------
    Comparison
        With n - 3 degrees of freedom.

    Raises
    ------
    ValueError
        With fewer than four rows, or correlations that cannot be together.

    References
    ----------
    .. [1] E. J. Williams, The comparison of regression variables, 1959,
       doi:10.1111/j.2517-6161.1959.tb00346.x; as in Steiger (1980), formula 7.
    """
    _require_rows(n_rows)
    mean, n = (r_1 + r_2) / 2, n_rows
    spread = 2 * (n - 1) / (n - 3) * _determinant(r_1, r_2, r_between)
    spread += mean**2 * (1 - r_between) ** 3
    error = math.sqrt(max(spread, 0.0) / ((n - 1) * (1 + r_between))) if r_between > -1 else 0.0
    return _by_student("williams_t", r_1 - r_2, error, n - 3)


def unpaired_t(
    mean_1: float, sd_1: float, n_1: int, mean_2: float, sd_2: float, n_2: int
) -> Comparison:
    """Student's t test of two independent means with a pooled variance.

    Paper 001 compares its models so (section IV, n = 15): from the means and deviations that its
    tables V and VI print, this test gives the p-values of its text.

    Parameters
    ----------
    mean_1, mean_2, sd_1, sd_2 : float
        Means and standard deviations (n - 1 in the denominator) over repetitions.
    n_1, n_2 : int
        Repetitions, 2 or more each.

    Returns
    -------
    Comparison
        With n_1 + n_2 - 2 degrees of freedom.

    Raises
    ------
    ValueError
        With fewer than two repetitions or a negative deviation.
    """
    _require_spread(n_1, sd_1)
    _require_spread(n_2, sd_2)
    freedom = n_1 + n_2 - 2
    pooled = ((n_1 - 1) * sd_1**2 + (n_2 - 1) * sd_2**2) / freedom
    error = math.sqrt(pooled * (1 / n_1 + 1 / n_2))
    return _by_student("student_t", mean_1 - mean_2, error, freedom)


def paired_t(first: ArrayLike, second: ArrayLike) -> Comparison:
    """Student's t test of paired values: two models over the same repetitions.

    Parameters
    ----------
    first, second : array_like of float, shape (n,)
        A metric of either model in each repetition, 2 or more.

    Returns
    -------
    Comparison
        With n - 1 degrees of freedom.

    Raises
    ------
    ValueError
        If the shapes differ or there are fewer than two pairs.
    """
    a, b = np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64)
    if a.ndim != 1 or a.shape != b.shape or len(a) < 2:
        raise ValueError(f"shapes {a.shape} and {b.shape}: expected two or more pairs")
    gain = a - b
    return _by_student(
        "paired_t", float(gain.mean()), float(gain.std(ddof=1)) / math.sqrt(len(a)), len(a) - 1
    )


def one_sample_t(mean: float, sd: float, n: int, expected: float) -> Comparison:
    """Student's t test of a mean against a fixed number, such as one from the literature.

    Parameters
    ----------
    mean, sd : float
    n : int
        Of the values, 2 or more.
    expected : float
        The number to compare with.

    Returns
    -------
    Comparison
        With n - 1 degrees of freedom.

    Raises
    ------
    ValueError
        With fewer than two values or a negative deviation.
    """
    _require_spread(n, sd)
    return _by_student("one_sample_t", mean - expected, sd / math.sqrt(n), n - 1)


def _by_student(test: str, difference: float, error: float, freedom: int) -> Comparison:
    """Look a difference up in Student's t; without a standard error it is certain."""
    if error > 0:
        statistic = difference / error
    else:
        statistic = math.copysign(math.inf, difference) if difference else 0.0
    p_value = float(2 * scipy.stats.t.sf(abs(statistic), freedom))
    return Comparison(test, difference, statistic, p_value, (freedom,))


def _by_normal(test: str, difference: float, statistic: float) -> Comparison:
    return Comparison(test, difference, statistic, float(2 * scipy.stats.norm.sf(abs(statistic))))


def _determinant(r_1: float, r_2: float, r_between: float) -> float:
    """Return the determinant of the correlations; below 0 they cannot exist together."""
    for r in (r_1, r_2, r_between):
        fisher_z(r)
    determinant = 1 + 2 * r_1 * r_2 * r_between - r_1**2 - r_2**2 - r_between**2
    if determinant < -1e-9:
        raise ValueError(
            f"correlations {r_1}, {r_2} with the labels and {r_between} between cannot be together:"
            " expected all three of the same rows"
        )
    return max(determinant, 0.0)


def _require_rows(n_rows: int) -> None:
    if n_rows < 4:
        raise ValueError(f"n_rows={n_rows}: expected 4 or more to compare correlations")


def _require_spread(n: int, sd: float) -> None:
    if n < 2 or sd < 0:
        raise ValueError(f"n={n}, sd={sd}: expected two or more values and a deviation >= 0")
