"""Is one correlation, or one RMSE, better than the other? With its p-value.

See `musqa_pipeline.studies.statistics.comparison` for which test fits what.
"""

from __future__ import annotations

import math

from scipy import stats

from musqa_pipeline.studies.statistics.comparison import Comparison, by_normal, by_student
from musqa_pipeline.studies.statistics.intervals import fisher_z


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
    return by_normal("fisher_z", r_1 - r_2, gap / math.sqrt(1 / (n_1 - 3) + 1 / (n_2 - 3)))


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
    tail = min(float(stats.f.sf(ratio, *freedom)), float(stats.f.cdf(ratio, *freedom)))
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
        return by_normal("steiger_z", r_1 - r_2, 0.0)
    square = ((r_1 + r_2) / 2) ** 2
    covariance = (r_between * (1 - 2 * square) - square * (1 - 2 * square - r_between**2) / 2) / (
        1 - square
    ) ** 2
    return by_normal(
        "steiger_z", r_1 - r_2, gap * math.sqrt((n_rows - 3) / max(2 - 2 * covariance, 1e-300))
    )


def williams(r_1: float, r_2: float, r_between: float, n_rows: int) -> Comparison:
    """Compare two correlations with the same labels: Williams' t [1]_.

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
    determinant = _determinant(r_1, r_2, r_between)
    mean = (r_1 + r_2) / 2
    n = n_rows
    spread = 2 * (n - 1) / (n - 3) * determinant + mean**2 * (1 - r_between) ** 3
    error = math.sqrt(max(spread, 0.0) / ((n - 1) * (1 + r_between))) if r_between > -1 else 0.0
    return by_student("williams_t", r_1 - r_2, error, n - 3)


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
