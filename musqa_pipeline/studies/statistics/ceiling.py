"""How well anything can predict mean opinions: what the noise of the means leaves."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import scipy
from numpy.typing import ArrayLike

from musqa_pipeline.core.seeds import derive_generator
from musqa_pipeline.studies.statistics.metrics import (
    checked_pair,
    is_constant,
    pairwise_ranking_accuracy,
)


@dataclass(frozen=True)
class Ceiling:
    """What is expected of one who knows the mean opinion of all listeners there are."""

    variance: float
    """Of the labels."""
    noise_variance: float
    """The share of it that another panel would not repeat."""
    pearson: float
    rmse: float
    ranking_accuracy: float
    """In [0, 1]."""


def ceiling_of_means(
    label: ArrayLike,
    half_width: ArrayLike,
    threshold: float,
    *seed_key: str | int,
    n_draws: int = 200,
) -> Ceiling:
    """Compute how far the noise of mean opinions lets any prediction agree with them.

    A label is the opinion of all listeners and the error of a mean over some, whose standard error
    its interval tells: 1.96 of them make a half width. So variances add up, r is at most the root
    of what is no noise, and the RMSE at least the root of the noise. The ranking accuracy is found
    by simulation: labels drawn in towards their mean until they have the variance without
    noise stand for the truth, and panels err about it by each label's own standard error.

    Parameters
    ----------
    label, half_width : array_like of float, shape (rows,)
        Mean opinion scores, and half the width of their 95 % intervals.
    threshold : float
        Of the ranking accuracy, in the unit of the labels.
    *seed_key : str or int
    n_draws : int
        Panels.

    Returns
    -------
    Ceiling

    Raises
    ------
    ValueError
        If shapes differ, a value is not finite, the intervals alone would spread the labels as they
        are, or no two labels differ by more than the threshold.
    """
    y, widths = checked_pair(label, half_width)
    errors = widths / scipy.stats.norm.ppf(0.975)
    noise = float(np.mean(errors**2)) if len(y) else 0.0
    variance = 0.0 if is_constant(y) else float(y.var(ddof=1))
    if not noise < variance:
        raise ValueError(
            f"labels have a variance of {variance:g} and errors of {noise:g}: expected labels that "
            "differ by more than their intervals tell"
        )
    reliability = 1.0 - noise / variance
    truth = y.mean() + math.sqrt(reliability) * (y - y.mean())
    rng = derive_generator("ceiling of means", *seed_key)
    panels = rng.normal(truth, errors, (n_draws, len(y)))
    ranked = [pairwise_ranking_accuracy(panel, truth, threshold) for panel in panels]
    defined = [one for one in ranked if one is not None]
    if not defined:
        raise ValueError(
            f"no two labels differ by more than {threshold:g}: expected a lower threshold"
        )
    return Ceiling(
        variance, noise, math.sqrt(reliability), math.sqrt(noise), float(np.mean(defined))
    )
