"""Student's t tests of means over repetitions."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from musqa_pipeline.studies.statistics.comparison import Comparison, by_student


def unpaired_t(
    mean_1: float, sd_1: float, n_1: int, mean_2: float, sd_2: float, n_2: int
) -> Comparison:
    """Student's t test of two independent means with a pooled variance.

    Paper 001 compares its models so (section IV, n = 15): from the means and deviations that its
    tables V and VI print, this test gives the p-values of its text.

    Parameters
    ----------
    mean_1, mean_2 : float
        Means over repetitions.
    sd_1, sd_2 : float
        Standard deviations, n - 1 in the denominator.
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
    for n, sd in ((n_1, sd_1), (n_2, sd_2)):
        if n < 2 or sd < 0:
            raise ValueError(f"n={n}, sd={sd}: expected two or more values and a deviation >= 0")
    freedom = n_1 + n_2 - 2
    pooled = ((n_1 - 1) * sd_1**2 + (n_2 - 1) * sd_2**2) / freedom
    error = math.sqrt(pooled * (1 / n_1 + 1 / n_2))
    return by_student("student_t", mean_1 - mean_2, error, freedom)


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
    return by_student(
        "paired_t", float(gain.mean()), float(gain.std(ddof=1)) / math.sqrt(len(a)), len(a) - 1
    )


def one_sample_t(mean: float, sd: float, n: int, expected: float) -> Comparison:
    """Student's t test of a mean against a fixed number, such as one from the literature.

    Parameters
    ----------
    mean, sd : float
    n : int
        How many, 2 or more.
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
    if n < 2 or sd < 0:
        raise ValueError(f"n={n}, sd={sd}: expected two or more values and a deviation >= 0")
    return by_student("one_sample_t", mean - expected, sd / math.sqrt(n), n - 1)
