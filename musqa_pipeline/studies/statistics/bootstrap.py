"""Percentile intervals by a bootstrap over recordings, for all metrics at once or for any one.

Rows of one recording share its character, so they are no independent evidence: whole recordings
are drawn with replacement (a cluster bootstrap [1]_). A draw is a count per recording, and all
metrics follow from counts: the sums that Pearson, RMSE, MAE and R² need are products of counts
and sums per recording, and ranks under counts are cumulative sums. No row is copied for these
(`resampled_metrics`); any other statistic is computed on the rows that a draw holds (`resamples`).

References
----------
.. [1] A. C. Davison, D. V. Hinkley, Bootstrap Methods and their Application, 1997, section 3.8.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from musqa_pipeline.core.seeds import derive_generator
from musqa_pipeline.studies.statistics.metrics import CONSTANT_BELOW

MIN_RECORDINGS = 3
"""Fewer recordings than this say nothing about other recordings: no interval."""
MAX_UNDEFINED_FRACTION = 0.1
"""No interval where a metric is not defined in more of the draws than this."""
_CELLS_AT_ONCE = 2_000_000
"""Bound on draws x rows held in memory while ranks are made: 16 MB an array."""

Floats = NDArray[np.float64]


def recording_counts(n_recordings: int, n_draws: int, *seed_key: str | int) -> Floats:
    """Draw how often each recording is in each resample, shape (n_draws, n_recordings).

    The same seed key gives the same draws, so that two models that are compared meet the same
    resamples.
    """
    generator = derive_generator("bootstrap", *seed_key)
    even = np.full(n_recordings, 1.0 / n_recordings)
    return generator.multinomial(n_recordings, even, size=n_draws).astype(np.float64)


def resampled_metrics(
    label: ArrayLike,
    predicted: ArrayLike,
    recording_index: ArrayLike,
    counts: Floats,
    *,
    ranks: bool = True,
) -> dict[str, Floats]:
    """Compute every metric of every resample.

    Parameters
    ----------
    label, predicted : array_like of float, shape (rows,)
    recording_index : array_like of int, shape (rows,)
        Number of each row's recording, a column of `counts`.
    counts : ndarray of float64, shape (draws, recordings)
    ranks : bool
        Whether Spearman's coefficient is wanted: it takes a thousand times as long as all others.

    Returns
    -------
    dict of str to ndarray of float64, shape (draws,)
        By metric name; NaN in a draw where the metric is not defined.
    """
    x, y = np.asarray(label, dtype=np.float64), np.asarray(predicted, dtype=np.float64)
    index = np.asarray(recording_index, dtype=np.intp)
    error = y - x
    x, y = x - x.mean(), y - y.mean()  # sums of squares about zero would cancel digits
    columns = (np.ones_like(x), x, y, x * x, y * y, x * y, error * error, np.abs(error))
    per_recording = np.stack(
        [np.bincount(index, weights=column, minlength=counts.shape[1]) for column in columns],
        axis=1,
    )
    n, sx, sy, sxx, syy, sxy, see, sae = (counts @ per_recording).T
    spread_x, spread_y = sxx - sx * sx / n, syy - sy * sy / n
    varies_x, varies_y = _varies(spread_x, sxx, n), _varies(spread_y, syy, n)
    with np.errstate(divide="ignore", invalid="ignore"):
        product = np.where(varies_x & varies_y, spread_x * spread_y, np.nan)
        return {
            "pearson": np.clip((sxy - sx * sy / n) / np.sqrt(product), -1.0, 1.0),
            **({"spearman": _rank_correlations(x, y, index, counts)} if ranks else {}),
            "rmse": np.sqrt(see / n),
            "mae": sae / n,
            "r2": 1.0 - see / np.where(varies_x, spread_x, np.nan),
        }


def interval(draws: Floats, confidence: float) -> tuple[float, float] | None:
    """Return the percentile interval of a resampled metric over the draws where it is no NaN.

    None where more than `MAX_UNDEFINED_FRACTION` of them are.
    """
    defined = draws[np.isfinite(draws)]
    if len(defined) < (1.0 - MAX_UNDEFINED_FRACTION) * len(draws) or not len(defined):
        return None
    tail = (1.0 - confidence) / 2.0
    low, high = np.quantile(defined, [tail, 1.0 - tail])
    return float(low), float(high)


@dataclass(frozen=True)
class Estimate:
    """A statistic with its interval over recordings."""

    value: float | None
    """None where it is not defined."""
    low: float | None
    high: float | None
    """Ends of the percentile interval; None with fewer than `MIN_RECORDINGS` recordings."""
    n_recordings: int


def paired_difference(
    statistic: Callable[[ArrayLike, ArrayLike], float | None],
    label: ArrayLike,
    first: ArrayLike,
    second: ArrayLike,
    recording: ArrayLike,
    *seed_key: str | int,
    n_draws: int = 2000,
    confidence: float = 0.95,
) -> Estimate:
    """Compare two models on the same rows, recording by recording.

    Parameters
    ----------
    statistic : callable
        Takes labels and predictions of some rows; None where it is not defined.
    label, first, second : array_like of float, shape (rows,)
        What was to be predicted, and what either model predicted.
    recording : array_like, shape (rows,)
    *seed_key : str or int
    n_draws : int
    confidence : float

    Returns
    -------
    Estimate
        First less second; not defined where either is not.
    """

    def gain(x: ArrayLike, a: ArrayLike, b: ArrayLike) -> float | None:
        both = statistic(x, a), statistic(x, b)
        return None if both[0] is None or both[1] is None else both[0] - both[1]

    return _estimate(gain, (label, first, second), recording, seed_key, n_draws, confidence)


def mean_over_recordings(
    values: ArrayLike,
    recording: ArrayLike,
    *seed_key: str | int,
    n_draws: int = 2000,
    confidence: float = 0.95,
) -> Estimate:
    """Average values within each recording, and these means over recordings.

    Parameters
    ----------
    values : array_like of float or bool, shape (rows,)
        Of flags it is a share.
    recording : array_like, shape (rows,)
    *seed_key : str or int
    n_draws : int
    confidence : float

    Returns
    -------
    Estimate
    """
    names, index = np.unique(np.asarray(recording), return_inverse=True)
    sums = np.bincount(index, weights=np.asarray(values, dtype=np.float64))
    by_recording = sums / np.bincount(index)
    ends = ends_of_mean(by_recording, seed_key, n_draws, confidence)
    return Estimate(float(by_recording.mean()), *ends, len(names))


def ends_of_mean(
    by_recording: Floats, seed_key: tuple[str | int, ...], n_draws: int, confidence: float
) -> tuple[float | None, float | None]:
    """Return the interval of a mean of one value a recording, (None, None) where there is none."""
    if len(by_recording) < MIN_RECORDINGS:
        return None, None
    counts = recording_counts(len(by_recording), n_draws, *seed_key)
    return interval(counts @ by_recording / counts.sum(axis=1), confidence) or (None, None)


def estimate(
    statistic: Callable[[ArrayLike, ArrayLike], float | None],
    label: ArrayLike,
    predicted: ArrayLike,
    recording: ArrayLike,
    *seed_key: str | int,
    n_draws: int = 2000,
    confidence: float = 0.95,
) -> Estimate:
    """Compute any statistic of two columns, with its interval over recordings.

    Parameters
    ----------
    statistic : callable
        Takes labels and predictions of some rows; None where it is not defined.
    label, predicted : array_like of float, shape (rows,) or (rows, others)
    recording : array_like, shape (rows,)
    *seed_key : str or int
    n_draws : int
    confidence : float

    Returns
    -------
    Estimate
    """
    return _estimate(statistic, (label, predicted), recording, seed_key, n_draws, confidence)


def _estimate(
    statistic: Callable[..., float | None],
    columns: Sequence[ArrayLike],
    recording: ArrayLike,
    seed_key: tuple[str | int, ...],
    n_draws: int,
    confidence: float,
) -> Estimate:
    """Compute a statistic of columns of rows, and of each draw of their recordings."""
    sides = [np.asarray(side, dtype=np.float64) for side in columns]
    names, index = np.unique(np.asarray(recording), return_inverse=True)
    ends = None
    if len(names) >= MIN_RECORDINGS:
        counts = recording_counts(len(names), n_draws, *seed_key)
        draws = [statistic(*drawn) for drawn in resamples(sides, index, counts)]
        ends = interval(np.array(draws, dtype=np.float64), confidence)  # None becomes NaN
    low, high = ends if ends else (None, None)
    return Estimate(statistic(*sides), low, high, len(names))


def resamples(
    columns: Sequence[ArrayLike], recording_index: ArrayLike, counts: Floats
) -> Iterator[list[NDArray[Any]]]:
    """Yield the rows of every resample: the columns, each row as often as its recording was drawn.

    Columns are what belongs to a row, such as labels and predictions; `recording_index` is the
    number of each row's recording, a column of `counts` from `recording_counts`.
    """
    arrays = [np.asarray(column) for column in columns]
    index = np.asarray(recording_index, dtype=np.intp)
    for times in counts.astype(np.intp):
        rows = np.repeat(np.arange(len(index)), times[index])
        yield [column[rows] for column in arrays]


def _varies(spread: Floats, sum_of_squares: Floats, n: Floats) -> NDArray[np.bool_]:
    """Whether a side varies in each draw: by more than the digits that its sums have lost."""
    return spread > 1e-11 * sum_of_squares + n * CONSTANT_BELOW**2


def _rank_correlations(x: Floats, y: Floats, index: NDArray[np.intp], counts: Floats) -> Floats:
    """Spearman's coefficient of each resample: mean ranks under row weights, then Pearson's."""
    step = max(1, _CELLS_AT_ONCE // max(1, len(x)))
    tied_x, tied_y = (np.unique(side, return_inverse=True) for side in (x, y))
    parts = []
    for start in range(0, len(counts), step):
        weights = counts[start : start + step, index]
        n = weights.sum(axis=1)
        ranks = [
            _weighted_ranks(inverse, len(levels), weights) - (n[:, None] + 1) / 2
            for levels, inverse in (tied_x, tied_y)
        ]
        sxx, syy, sxy = (
            np.einsum("dr,dr,dr->d", weights, a, b)
            for a, b in ((ranks[0], ranks[0]), (ranks[1], ranks[1]), (ranks[0], ranks[1]))
        )
        defined = (sxx > 1e-6) & (syy > 1e-6)
        with np.errstate(divide="ignore", invalid="ignore"):
            parts.append(np.where(defined, sxy / np.sqrt(np.where(defined, sxx * syy, 1)), np.nan))
    return np.clip(np.concatenate(parts), -1.0, 1.0)


def _weighted_ranks(level: NDArray[np.intp], n_levels: int, weights: Floats) -> Floats:
    """Mean rank of each row when row i stands `weights[:, i]` times; equal levels share it."""
    order = np.argsort(level, kind="stable")
    cumulated = np.cumsum(weights[:, order], axis=1)
    last = np.searchsorted(level[order], np.arange(n_levels), side="right") - 1
    up_to = cumulated[:, last]
    below = np.concatenate([np.zeros((len(weights), 1)), up_to[:, :-1]], axis=1)
    return ((below + up_to + 1.0) / 2.0)[:, level]
