"""A distribution in 32 quantiles, how far two of them lie apart, and what chance alone does.

The distance is the first Wasserstein distance: the mean difference of the quantile functions [1]_,
in the unit of the variable. Rows of one recording hang together, so what chance does is found by
drawing whole recordings: the deviations of resampled quantile functions from the measured one stand
for those of the measured one from the truth (a bootstrap of the quantile process). Two records that
share recordings differ less than that; then the threshold is on the safe side.

References
----------
.. [1] S. S. Vallender, Calculation of the Wasserstein distance between probability distributions on
   the line, Theory of Probability and its Applications 18, 1974, pages 784-786.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from musqa_pipeline.studies.statistics.bootstrap import MIN_RECORDINGS, recording_counts

N_LEVELS = 32
N_RESAMPLES = 100
CONFIDENCE = 0.99
"""Of a threshold: so many of 100 distances without a change lie below it."""
LEVELS = (np.arange(N_LEVELS) + 0.5) / N_LEVELS

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Distribution:
    """What a record keeps of a variable."""

    n_rows: int
    n_recordings: int
    mean: float
    sd: float
    quantiles: Floats
    """Shape (N_LEVELS,)."""
    resampled: Floats
    """Shape (N_RESAMPLES, N_LEVELS): deviations from `quantiles`; (0, N_LEVELS) if too few."""


def distribution_of(values: ArrayLike, recording: ArrayLike, *seed_key: str) -> Distribution | None:
    """Sum up the finite values of a variable; None if there is none.

    Parameters
    ----------
    values : array_like of float, shape (rows,)
    recording : array_like, shape (rows,)
        Name of each value's recording.
    *seed_key : str
        What the draw belongs to.

    Returns
    -------
    Distribution or None
    """
    x = np.asarray(values, dtype=np.float64)
    finite = np.isfinite(x)
    x = x[finite]
    if not len(x):
        return None
    names, index = np.unique(np.asarray(recording).astype(str)[finite], return_inverse=True)
    order = np.argsort(x, kind="stable")
    ordered, whose = x[order], index[order]
    quantiles = _quantiles(ordered, np.ones(len(x)))
    resampled = np.empty((0, N_LEVELS))
    n = len(names)
    if n >= MIN_RECORDINGS:
        counts = recording_counts(n, N_RESAMPLES, "drift", *seed_key)
        # Resamples vary less than samples do, by this factor at n independent recordings.
        width = np.sqrt(n / (n - 1))
        resampled = width * np.stack(
            [_quantiles(ordered, times[whose]) - quantiles for times in counts]
        )
    return Distribution(len(x), n, float(x.mean()), float(x.std()), quantiles, resampled)


def distance(first: Distribution, second: Distribution) -> float:
    """Return the first Wasserstein distance of two distributions of one variable, in its unit."""
    return float(np.abs(first.quantiles - second.quantiles).mean())


def threshold(first: Distribution, second: Distribution) -> float | None:
    """Return what the distance stays below if nothing has changed, at `CONFIDENCE`.

    None if either distribution has too few recordings.
    """
    if not len(first.resampled) or not len(second.resampled):
        return None
    # Every resample of the one with every one of the other.
    by_chance = np.abs(first.resampled[:, None] - second.resampled[None]).mean(axis=2)
    return float(np.quantile(by_chance, CONFIDENCE))


def _quantiles(ordered: Floats, weights: Floats) -> Floats:
    """Quantiles at `LEVELS` of ascending values that stand as often as their weights say."""
    cumulated = np.cumsum(weights)
    at = np.searchsorted(cumulated, LEVELS * cumulated[-1], side="left")
    return ordered[at]
