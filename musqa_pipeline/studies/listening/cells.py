"""Listeners' mean ratings by degradation and fifth of its intensity, as a yardstick for scores.

The authors of PMQD [1]_ print such a table; their audio is not needed to use it. Scores are of
other music at other levels, so that what comes out is no result on PMQD.

References
----------
.. [1] A. Hilmkil, C. Thomé, A. Arpteg, "Perceiving Music Quality with GANs", arXiv:2006.06287;
   the table: github.com/Peltarion/pmqd, README.md, section "Dataset summary".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import scipy
from numpy.typing import ArrayLike, NDArray

from musqa_pipeline.core.csv_files import number, read_rows, require_columns
from musqa_pipeline.studies.statistics.bootstrap import (
    MIN_RECORDINGS,
    Estimate,
    interval,
    recording_counts,
)
from musqa_pipeline.studies.statistics.metrics import CONSTANT_BELOW

ORIGINAL = "original"
COLUMNS = ("kind", "intensity_from", "intensity_to", "mean_rating")
N_FIFTHS = 5
GREATEST = 100.0

Floats = NDArray[np.float64]
Cell = tuple[str, int]
"""A kind of degradation and the fifth of its intensity, 0 to 4; 0 of the original."""


@dataclass(frozen=True)
class CellsCorrelation:
    """How mean scores go with mean ratings, over cells."""

    spearman: float | None
    """None where all means are equal."""
    low: float | None
    high: float | None
    """Ends of the interval over recordings; None with fewer than `MIN_RECORDINGS`."""
    n_cells: int
    n_recordings: int


def cell_of(kind: str, intensity: float) -> Cell:
    """Return the cell of a degraded segment; the upper end of the last fifth is in it.

    Parameters
    ----------
    kind : str
        distortion, limiter, lowpass, noise or original.
    intensity : float
        0 to 100; of an original it does not count.

    Returns
    -------
    Cell
    """
    fifth = min(int(intensity * N_FIFTHS / GREATEST), N_FIFTHS - 1)
    return kind, 0 if kind == ORIGINAL else fifth


def read_cells(path: Path) -> dict[Cell, float]:
    """Read a table of mean ratings, such as ``docs/results/listeners_cells.csv``.

    Parameters
    ----------
    path : Path
        CSV with the columns `COLUMNS`.

    Returns
    -------
    dict of Cell to float
        Mean rating, 1 to 5.

    Raises
    ------
    SettingsError
        If the file cannot be read, or a column or a number is missing.
    """
    header, rows = read_rows(path)
    require_columns(path, header, COLUMNS)
    return {
        cell_of(row["kind"], number(path, row, "intensity_from")): number(path, row, "mean_rating")
        for row in rows
    }


def cells_correlation(
    score: ArrayLike,
    cell: Sequence[Cell],
    recording: ArrayLike,
    ratings: Mapping[Cell, float],
    *seed_key: str | int,
    n_draws: int = 2000,
    confidence: float = 0.95,
) -> CellsCorrelation:
    """Correlate the mean score of each cell with what listeners gave it, by Spearman's coefficient.

    Parameters
    ----------
    score : array_like of float, shape (rows,) or (trainings, rows)
        Of several trainings the coefficients are averaged, in each draw too.
    cell : sequence of Cell, length rows
    recording : array_like, shape (rows,)
        Name or number of each row's recording; whole recordings are drawn for the interval.
    ratings : mapping of Cell to float
        From `read_cells`.
    *seed_key : str or int
    n_draws : int
    confidence : float

    Returns
    -------
    CellsCorrelation

    Raises
    ------
    ValueError
        If a cell with a rating has no score, or one with a score no rating.
    """
    found = _resampled(score, cell, recording, ratings, seed_key, n_draws)
    low, high = _ends(found.draws, confidence)
    return CellsCorrelation(found.value, low, high, len(ratings), found.n_recordings)


def cells_difference(
    first: ArrayLike,
    second: ArrayLike,
    cell: Sequence[Cell],
    recording: ArrayLike,
    ratings: Mapping[Cell, float],
    *seed_key: str | int,
    n_draws: int = 2000,
    confidence: float = 0.95,
) -> Estimate:
    """Compare how two scores of the same rows go with ratings, on the same draws of recordings.

    Parameters
    ----------
    first, second : array_like of float, shape (rows,) or (trainings, rows)
    cell, recording, ratings, *seed_key, n_draws, confidence
        As `cells_correlation` takes them.

    Returns
    -------
    Estimate
        The first's coefficient less the second's.

    Raises
    ------
    ValueError
        If a cell with a rating has no score, or one with a score no rating.
    """
    one, other = (
        _resampled(score, cell, recording, ratings, seed_key, n_draws) for score in (first, second)
    )
    apart = None if one.draws is None or other.draws is None else one.draws - other.draws
    low, high = _ends(apart, confidence)
    gain = None if one.value is None or other.value is None else one.value - other.value
    return Estimate(gain, low, high, one.n_recordings)


@dataclass(frozen=True)
class _Resampled:
    value: float | None
    draws: Floats | None
    """None with fewer recordings than an interval takes."""
    n_recordings: int


def _resampled(
    score: ArrayLike,
    cell: Sequence[Cell],
    recording: ArrayLike,
    ratings: Mapping[Cell, float],
    seed_key: tuple[str | int, ...],
    n_draws: int,
) -> _Resampled:
    cells = sorted(ratings)
    strange = sorted(set(cells) ^ set(cell))
    if strange:
        raise ValueError(f"cells {strange}: expected scores and ratings of the same cells")
    names, recording_index = np.unique(np.asarray(recording), return_inverse=True)
    column = np.array([cells.index(one) for one in cell])
    scores = np.atleast_2d(np.asarray(score, dtype=np.float64))
    place = recording_index * len(cells) + column
    shape, n_places = (len(names), len(cells)), len(names) * len(cells)

    def add_up(weights: Floats) -> Floats:
        return np.bincount(place, weights, n_places).reshape(shape).astype(np.float64)

    sums, counts = [add_up(one) for one in scores], add_up(np.ones(len(place)))
    wanted = np.array([ratings[one] for one in cells])
    every = np.ones((1, len(names)))
    value = float(np.mean([_rank_correlations(wanted, every, s, counts)[0] for s in sums]))
    draws = None
    if len(names) >= MIN_RECORDINGS:
        times = recording_counts(len(names), n_draws, *seed_key)
        draws = np.mean([_rank_correlations(wanted, times, one, counts) for one in sums], axis=0)
    return _Resampled(value if np.isfinite(value) else None, draws, len(names))


def _ends(draws: Floats | None, confidence: float) -> tuple[float, float] | tuple[None, None]:
    found = None if draws is None else interval(draws, confidence)
    return found or (None, None)


def _rank_correlations(wanted: Floats, times: Floats, sums: Floats, counts: Floats) -> Floats:
    """Spearman's coefficient of each draw's cell means with what is wanted; NaN where none is."""
    with np.errstate(invalid="ignore"):
        means = (times @ sums) / (times @ counts)
    varies = np.isfinite(means).all(axis=1) & (np.ptp(means, axis=1) > CONSTANT_BELOW)
    x = scipy.stats.rankdata(wanted) - (len(wanted) + 1) / 2
    y = scipy.stats.rankdata(np.where(varies[:, None], means, 0.0), axis=1) - (len(wanted) + 1) / 2
    with np.errstate(invalid="ignore"):
        found = (y @ x) / np.sqrt((x @ x) * np.einsum("dc,dc->d", y, y))
    return np.where(varies, found, np.nan)
