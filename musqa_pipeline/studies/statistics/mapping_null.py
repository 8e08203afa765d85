"""What a mapping makes of nothing: numbers of agreement where predictions are pure noise.

A cubic that is fitted to the rows it is judged on turns predictions that know nothing into a
correlation, and one that may fall turns wrong ranks into right ones. So a table of results has four
columns of each number, by the ways of `MAPPINGS`, and under each stands what noise gets there.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from musqa_pipeline.core.seeds import derive_generator
from musqa_pipeline.studies.statistics.mapping import MIN_ROWS, Cubic, fit_cubic, fit_monotone_cubic
from musqa_pipeline.studies.statistics.metrics import (
    checked_pair,
    mean_full_width,
    pairwise_ranking_accuracy,
    pearson,
    rmse,
    spearman,
)
from musqa_pipeline.studies.statistics.stratified import Division, stratified_divisions

Floats = NDArray[np.float64]
Fit = Callable[[ArrayLike, ArrayLike], Cubic | None]

MAPPINGS: Mapping[str, tuple[Fit, str] | None] = {
    "raw": None,
    "cubic": (fit_cubic, "test"),
    "monotone": (fit_monotone_cubic, "test"),
    "validation": (fit_cubic, "validation"),
}
"""How it is fitted and to which part: not at all; as paper 004 does; as P.1401 asks; to rows that
are not judged."""
METRICS = ("pearson", "spearman", "rmse", "ranking_accuracy")


@dataclass(frozen=True)
class Spread:
    """A number over draws."""

    mean: float
    sd: float
    low: float
    high: float
    """The middle 95 % of the draws."""


def map_each_way(
    label: ArrayLike, predicted: ArrayLike, division: Division
) -> dict[str, Floats | None]:
    """Map the predictions of the test rows in each of four ways.

    Parameters
    ----------
    label, predicted : array_like of float, shape (rows,)
        Of all rows, on any scale.
    division : Division

    Returns
    -------
    dict of str to (ndarray of float64, shape (test rows,), or None)
        By name in `MAPPINGS`. None where a part has fewer than five rows or constant predictions,
        to which nothing can be fitted.

    Raises
    ------
    ValueError
        If the shapes differ or a value is not finite.
    """
    y, x = checked_pair(label, predicted)
    mapped: dict[str, Floats | None] = {}
    for name, way in MAPPINGS.items():
        if way is None:
            mapped[name] = x[division.test]
            continue
        fit, part = way
        rows = getattr(division, part)
        cubic = fit(y[rows], x[rows])
        mapped[name] = cubic(x[division.test]) if cubic else None
    return mapped


def null_of_mappings(
    label: ArrayLike,
    half_width: ArrayLike,
    classes: ArrayLike,
    *seed_key: str | int,
    n_draws: int = 1500,
    n_folds: int = 3,
) -> dict[str, dict[str, Spread]]:
    """Draw predictions by chance and judge them as a network's would be, mapped in each way.

    Each draw is one test part of a division by classes; after all its parts comes a new division.
    Predictions are Gaussian with the mean and deviation of the labels, as the labels of the
    control of paper 004 are (section 4.2.1): the RMSE of unmapped ones follows from that.

    Parameters
    ----------
    label, half_width : array_like of float, shape (rows,)
        Mean opinion scores and half the width of their 95 % intervals. The threshold of the
        ranking accuracy is the mean full width of the rows that train.
    classes : array_like, shape (rows,)
        For `stratified_divisions`.
    *seed_key : str or int
        What the draws follow from. More draws leave the first ones as they are.
    n_draws, n_folds : int

    Returns
    -------
    dict of str to dict of str to Spread
        By name in `MAPPINGS`, by name in `METRICS`; a ranking accuracy in [0, 1], an RMSE in the
        unit of the labels, not corrected for what was fitted. A flat mapping knows no order: its
        correlations are 0 here, and not left out, which would leave what chance made good.

    Raises
    ------
    ValueError
        If shapes differ, a value is not finite, a part has fewer than five rows or a test part no
        pair that is farther apart than the threshold.
    """
    y, widths = checked_pair(label, half_width)

    def parts() -> Iterator[tuple[Division, float]]:
        for turn in itertools.count():
            for division in stratified_divisions(classes, *seed_key, turn, n_folds=n_folds):
                yield division, mean_full_width(widths[division.train])

    return _null(y, parts(), derive_generator("null of mappings", *seed_key), n_draws)


def null_of_divisions(
    label: ArrayLike,
    divisions: Sequence[Division],
    thresholds: Sequence[float],
    *seed_key: str | int,
    n_draws: int = 1500,
) -> dict[str, dict[str, Spread]]:
    """Do the same with divisions that are there, which the draws take in turn.

    Parameters
    ----------
    label : array_like of float, shape (rows,)
        What predictions are held against.
    divisions : sequence of Division
        One or more.
    thresholds : sequence of float
        Of the ranking accuracy in the test part of each.
    *seed_key : str or int
        What the draws follow from. More draws leave the first ones as they are.
    n_draws : int

    Returns
    -------
    dict of str to dict of str to Spread
        As of `null_of_mappings`.

    Raises
    ------
    ValueError
        If a label is not finite, a part has fewer than five rows or a test part no pair that is
        farther apart than its threshold.
    """
    y, _ = checked_pair(label, label)
    parts = itertools.cycle(zip(divisions, thresholds, strict=True))
    return _null(y, parts, derive_generator("null of divisions", *seed_key), n_draws)


def _null(
    y: Floats, parts: Iterator[tuple[Division, float]], rng: np.random.Generator, n_draws: int
) -> dict[str, dict[str, Spread]]:
    found = np.empty((n_draws, len(MAPPINGS), len(METRICS)))
    for draw in range(n_draws):
        division, threshold = next(parts)
        noise = rng.normal(y.mean(), y.std(ddof=1), len(y))
        judged = judge_each_way(y, noise, division, threshold)
        for i, numbers in enumerate(judged.values()):
            if numbers is None:
                raise ValueError(
                    f"a part has {len(division.test)} rows: expected {MIN_ROWS} or more to fit to"
                )
            found[draw, i] = [numbers[metric] for metric in METRICS]
    return {
        name: {metric: _spread(found[:, i, j]) for j, metric in enumerate(METRICS)}
        for i, name in enumerate(MAPPINGS)
    }


def judge_each_way(
    label: ArrayLike, predicted: ArrayLike, division: Division, threshold: float
) -> dict[str, dict[str, float] | None]:
    """Judge the predictions of the test rows, mapped in each of four ways.

    Parameters
    ----------
    label, predicted : array_like of float, shape (rows,)
        Of all rows; those that neither validate nor are tested are not looked at.
    division : Division
    threshold : float
        Of the ranking accuracy, in the unit of the labels.

    Returns
    -------
    dict of str to (dict of str to float, or None)
        By name in `MAPPINGS`, by name in `METRICS`, see `null_of_mappings`; None where
        `map_each_way` has none.

    Raises
    ------
    ValueError
        If the shapes differ, a value is not finite, or no pair is farther apart.
    """
    true = np.asarray(label, np.float64)[division.test]
    return {
        name: None if mapped is None else _judged(true, mapped, threshold)
        for name, mapped in map_each_way(label, predicted, division).items()
    }


def _judged(label: Floats, predicted: Floats, threshold: float) -> dict[str, float]:
    """Compute `METRICS`; correlations of what is flat are 0."""
    ranked = pairwise_ranking_accuracy(label, predicted, threshold)
    if ranked is None:
        raise ValueError(
            f"no two labels of a test part differ by more than {threshold:g}: expected more rows, "
            "or narrower intervals"
        )
    return {
        "pearson": pearson(label, predicted) or 0.0,
        "spearman": spearman(label, predicted) or 0.0,
        "rmse": float(rmse(label, predicted) or 0.0),
        "ranking_accuracy": ranked,
    }


def _spread(draws: Floats) -> Spread:
    low, high = np.quantile(draws, [0.025, 0.975])
    return Spread(float(draws.mean()), float(draws.std()), float(low), float(high))
