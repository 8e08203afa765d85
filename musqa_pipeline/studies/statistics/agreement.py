"""All metrics of one set of predictions at once, each with its interval, mapped or as they are.

With recordings, intervals come from the bootstrap over them, in which a mapping is fitted anew in
each draw. Without, they come from formulas that take rows for independent.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np
from numpy.typing import ArrayLike, NDArray

from musqa_pipeline.studies.statistics import intervals, metrics
from musqa_pipeline.studies.statistics.bootstrap import (
    MIN_RECORDINGS,
    interval,
    recording_counts,
    resamples,
)
from musqa_pipeline.studies.statistics.mapping import N_COEFFICIENTS, fit_monotone_cubic
from musqa_pipeline.studies.statistics.metrics import mean_full_width, pairwise_ranking_accuracy

Floats = NDArray[np.float64]
METRIC_NAMES = ("pearson", "spearman", "kendall", "rmse", "mae", "rmse_star", "ranking_accuracy")
"""RMSE* and ranking accuracy need the labels' own intervals."""


@dataclass(frozen=True)
class Estimate:
    """One metric with its interval."""

    metric: str
    """One of `METRIC_NAMES`."""
    mapped: bool
    """Whether predictions went through the monotone cubic first."""
    value: float | None
    """In [-1, 1] for a correlation, in [0, 1] for a ranking accuracy, else in the labels' unit;
    None where it is not defined."""
    low: float | None
    high: float | None
    """Ends of the interval; None where none is known."""
    interval: str
    """What the interval is: recordings, fisher_z, chi_square, or empty."""


def agreement(
    label: ArrayLike,
    predicted: ArrayLike,
    *seed_key: str | int,
    half_width: ArrayLike | None = None,
    recording: ArrayLike | None = None,
    mapped: bool = False,
    threshold: float | None = None,
    n_draws: int = 1000,
    confidence: float = 0.95,
) -> list[Estimate]:
    """Compute every metric that the labels allow.

    Parameters
    ----------
    label, predicted : array_like of float, shape (rows,)
    *seed_key : str or int
    half_width : array_like of float, shape (rows,), optional
        Half the 95 % interval of each label; without it there is neither RMSE* nor ranking
        accuracy.
    recording : array_like, shape (rows,), optional
        Name or number of each row's recording, for intervals by bootstrap.
    mapped : bool
        Whether to fit the monotone cubic of ITU-T P.1401 first. Its four coefficients then leave
        the degrees of freedom of RMSE and RMSE*.
    threshold : float, optional
        Of the ranking accuracy, in the unit of the labels; by default the mean full width of the
        intervals of these labels.
    n_draws : int
    confidence : float

    Returns
    -------
    list of Estimate

    Raises
    ------
    ValueError
        If shapes differ, a value is not finite or a half width is negative.
    """
    x, y = metrics.checked_pair(label, predicted)
    names = METRIC_NAMES if half_width is not None else METRIC_NAMES[:5]
    widths = np.zeros(len(x)) if half_width is None else np.asarray(half_width, dtype=np.float64)
    if threshold is None:
        threshold = mean_full_width(widths) if len(widths) else 0.0
    values = _values(x, y, widths, names, mapped, threshold)
    draws = None
    if recording is not None:
        recordings, index = np.unique(np.asarray(recording), return_inverse=True)
        if len(recordings) >= MIN_RECORDINGS:
            counts = recording_counts(len(recordings), n_draws, *seed_key)
            draws = np.array(
                [
                    _values(a, b, half, names, mapped, threshold)
                    for a, b, half in resamples((x, y, widths), index, counts)
                ],
                dtype=np.float64,  # None becomes NaN
            )
    found = []
    for column, (name, value) in enumerate(zip(names, values, strict=True)):
        ends, how = None, ""
        if value is not None and draws is not None:
            ends, how = interval(draws[:, column], confidence), "recordings"
        elif value is not None:
            ends, how = _formula(name, value, len(x), mapped, confidence)
        low, high = ends if ends else (None, None)
        found.append(Estimate(name, mapped, value, low, high, how if ends else ""))
    return found


def _values(
    x: Floats, y: Floats, widths: Floats, names: Sequence[str], mapped: bool, threshold: float
) -> list[float | None]:
    """Return the metrics of labels and predictions, in the order of the names."""
    n_fitted = 0
    if mapped:
        mapping = fit_monotone_cubic(x, y)
        if mapping is None:
            return [None] * len(names)
        y, n_fitted = mapping(y), N_COEFFICIENTS
    compute: dict[str, Callable[[], float | None]] = {
        "pearson": lambda: metrics.pearson(x, y),
        "spearman": lambda: metrics.spearman(x, y),
        "kendall": lambda: metrics.kendall(x, y),
        "rmse": lambda: metrics.rmse(x, y, n_fitted=n_fitted),
        "mae": lambda: metrics.mae(x, y),
        "rmse_star": lambda: metrics.rmse_star(x, y, widths, n_fitted=n_fitted),
        "ranking_accuracy": lambda: pairwise_ranking_accuracy(x, y, threshold),
    }
    return [compute[name]() for name in names]


def _formula(
    name: str, value: float, n_rows: int, mapped: bool, confidence: float
) -> tuple[tuple[float, float] | None, str]:
    if name in ("pearson", "spearman", "kendall"):
        kind = cast(intervals.Coefficient, name)
        ends = intervals.correlation_interval(value, n_rows, confidence=confidence, kind=kind)
        return ends, "fisher_z"
    if name in ("rmse", "rmse_star"):
        n_fitted = N_COEFFICIENTS if mapped else 0
        ends = intervals.rmse_interval(value, n_rows, n_fitted=n_fitted, confidence=confidence)
        return ends, "chi_square"
    return None, ""
