"""The outcome of a test of two, and how a statistic becomes a p-value.

All p-values are two-sided. Which test is right depends on what the two share: nothing
(`comparisons.compare_correlations`, `compare_rmses`, `means.unpaired_t`), the labels
(`comparisons.steiger`, `williams`) or the repetitions (`means.paired_t`). Rows of one recording
hang together, and none of these tests knows it; `bootstrap.paired_difference` does.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from scipy import stats


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


def by_student(test: str, difference: float, error: float, freedom: int) -> Comparison:
    """Divide a difference by its standard error and look it up in Student's t.

    Parameters
    ----------
    test : str
    difference, error : float
        First less second and its standard error; without spread a difference is certain.
    freedom : int

    Returns
    -------
    Comparison
    """
    if error > 0:
        statistic = difference / error
    else:
        statistic = math.copysign(math.inf, difference) if difference else 0.0
    p_value = float(2 * stats.t.sf(abs(statistic), freedom))
    return Comparison(test, difference, statistic, p_value, (freedom,))


def by_normal(test: str, difference: float, statistic: float) -> Comparison:
    """Look up a statistic in the normal distribution.

    Parameters
    ----------
    test : str
    difference : float
    statistic : float
        Standard normal if there is no difference.

    Returns
    -------
    Comparison
    """
    return Comparison(test, difference, statistic, float(2 * stats.norm.sf(abs(statistic))))
