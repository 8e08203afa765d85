"""Whether a score falls as damage grows: rank correlations within each segment's ladder.

A ladder is one segment at rising intensities of one kind of damage. Within it nothing else differs,
so that no liking for some music can pass for an opinion on quality.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import scipy
from numpy.typing import NDArray

from musqa_pipeline.core.seeds import derive_generator
from musqa_pipeline.studies.statistics.bootstrap import Estimate, ends_of_mean
from musqa_pipeline.studies.statistics.metrics import CONSTANT_BELOW

Floats = NDArray[np.float64]
N_NULL_MEANS = 10_000
"""Values of the null."""


@dataclass(frozen=True)
class Ladders:
    """Ladders of one kind of damage."""

    intensity: Floats
    """Shape (steps,), rising."""
    score: Floats
    """Shape (ladders, steps)."""
    recording: NDArray[np.str_]
    """Shape (ladders,): whose segment it is."""


@dataclass(frozen=True)
class Fall:
    """Mean over recordings of the rank correlation of scores with intensity within ladders."""

    mean: float
    """-1 where every score falls at every step; a ladder of equal scores counts as 0."""
    low: float | None
    high: float | None
    """Ends of the interval over recordings; None with fewer than `MIN_RECORDINGS`."""
    n_ladders: int
    n_recordings: int


def fall(
    ladders: Mapping[str, Ladders],
    *seed_key: str | int,
    n_draws: int = 2000,
    confidence: float = 0.95,
) -> Fall:
    """Average rank correlations within ladders: in a recording, over recordings, over kinds.

    Parameters
    ----------
    ladders : mapping of str to Ladders
        By kind of damage, of the same recordings; each kind has one vote. So have several trainings
        that stand here side by side.
    *seed_key : str or int
        Seed of the draws of recordings.
    n_draws : int
    confidence : float

    Returns
    -------
    Fall

    Raises
    ------
    ValueError
        If kinds are of other recordings, or there is none.
    """
    by_recording = _mean_of_kinds(ladders)
    ends = ends_of_mean(by_recording, seed_key, n_draws, confidence)
    n_ladders = sum(len(of_kind.score) for of_kind in ladders.values())
    return Fall(float(by_recording.mean()), *ends, n_ladders, len(by_recording))


def difference_of_falls(
    first: Mapping[str, Ladders],
    second: Mapping[str, Ladders],
    *seed_key: str | int,
    n_draws: int = 2000,
    confidence: float = 0.95,
) -> Estimate:
    """Compare two scores of the same recordings by their falls, recording by recording.

    Parameters
    ----------
    first, second : mapping of str to Ladders
        As `fall` takes them; they may differ in kinds, as where one is of several trainings.
    *seed_key : str or int
        Seed of the draws of recordings.
    n_draws : int
    confidence : float

    Returns
    -------
    Estimate
        First less second: below 0 where the first falls more surely.

    Raises
    ------
    ValueError
        If ladders are of other recordings, or there is none.
    """
    _same_recordings({**_named("first", first), **_named("second", second)})
    apart = _mean_of_kinds(first) - _mean_of_kinds(second)
    ends = ends_of_mean(apart, seed_key, n_draws, confidence)
    return Estimate(float(apart.mean()), *ends, len(apart))


def null_means(nulls: Floats, n_averaged: int, *seed_key: str | int) -> Floats:
    """Average networks that learned nothing, as many at a time as there are trainings.

    Parameters
    ----------
    nulls : ndarray of float, shape (n,)
        What one such network gives each, such as `Fall.mean`.
    n_averaged : int
        As many of them, drawn without replacement, are averaged for each value.
    *seed_key : str or int
        Seed of the draws.

    Returns
    -------
    ndarray of float, shape (`N_NULL_MEANS`,)
    """
    rng = derive_generator("null_share", *seed_key)
    means = [rng.choice(nulls, n_averaged, replace=False).mean() for _ in range(N_NULL_MEANS)]
    return np.array(means)


def null_share(found: float, nulls: Floats, n_averaged: int, *seed_key: str | int) -> float:
    """Say which share of the null is as low as what was found.

    Parameters
    ----------
    found : float
        A mean over `n_averaged` trainings, such as of `Fall.mean`.
    nulls, n_averaged, *seed_key
        As in `null_means`.

    Returns
    -------
    float
        From 0 to 1; what lies below 0.05 is hardly chance.
    """
    return float(np.mean(null_means(nulls, n_averaged, *seed_key) <= found))


def _named(name: str, ladders: Mapping[str, Ladders]) -> dict[str, Ladders]:
    return {f"{name} {kind}": of_kind for kind, of_kind in ladders.items()}


def _mean_of_kinds(ladders: Mapping[str, Ladders]) -> Floats:
    """Average the correlations in each recording over kinds, in order of the recordings' names."""
    if not ladders:
        raise ValueError("no ladder: expected one kind or more")
    _same_recordings(ladders)
    each = [list(_by_recording(of_kind).values()) for of_kind in ladders.values()]
    return np.array(each).mean(axis=0)


def _same_recordings(ladders: Mapping[str, Ladders]) -> None:
    names = [set(of_kind.recording.tolist()) for of_kind in ladders.values()]
    if any(other != names[0] for other in names):
        raise ValueError(f"recordings differ between kinds {sorted(ladders)}")


def _by_recording(ladders: Ladders) -> dict[str, float]:
    """Average the correlations within each recording, in order of their names."""
    step = scipy.stats.rankdata(ladders.intensity) - (len(ladders.intensity) + 1) / 2
    rank = scipy.stats.rankdata(ladders.score, axis=1) - (len(step) + 1) / 2
    varies = np.ptp(ladders.score, axis=1) > CONSTANT_BELOW
    spread = np.sqrt((step @ step) * np.where(varies, np.einsum("ls,ls->l", rank, rank), 1.0))
    coefficients = np.where(varies, rank @ step / spread, 0.0)
    return {
        str(name): float(coefficients[ladders.recording == name].mean())
        for name in np.unique(ladders.recording)
    }
