"""Whether a score falls as damage grows: rank correlations within each segment's ladder.

A ladder is one segment at rising intensities of one kind of damage. Within it nothing else differs,
so that no liking for some music can pass for an opinion on quality.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from musqa_pipeline.core.seeds import derive_generator
from musqa_pipeline.studies.statistics.bootstrap import (
    MIN_RECORDINGS,
    interval,
    recording_counts,
)
from musqa_pipeline.studies.statistics.metrics import spearman

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
        By kind of damage, of the same recordings; each kind has one vote.
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
    if not ladders:
        raise ValueError("no ladder: expected one kind or more")
    each = {kind: _by_recording(of_kind) for kind, of_kind in ladders.items()}
    names = [list(of_kind) for of_kind in each.values()]
    if any(other != names[0] for other in names):
        raise ValueError(f"recordings differ between kinds {sorted(each)}")
    by_recording = np.array([list(of_kind.values()) for of_kind in each.values()]).mean(axis=0)
    ends = None
    if len(by_recording) >= MIN_RECORDINGS:
        times = recording_counts(len(by_recording), n_draws, *seed_key)
        ends = interval((times @ by_recording) / times.sum(axis=1), confidence)
    low, high = ends if ends else (None, None)
    n_ladders = sum(len(of_kind.score) for of_kind in ladders.values())
    return Fall(float(by_recording.mean()), low, high, n_ladders, len(by_recording))


def null_share(found: float, nulls: Floats, n_averaged: int, *seed_key: str | int) -> float:
    """Say which share of the null is as low as what was found.

    Parameters
    ----------
    found : float
        A mean over `n_averaged` trainings, such as of `Fall.mean`.
    nulls : ndarray of float, shape (n,)
        The same of networks that learned nothing, one by one.
    n_averaged : int
        As many of them, drawn without replacement, are averaged for each value of the null.
    *seed_key : str or int
        Seed of the draws.

    Returns
    -------
    float
        From 0 to 1; what lies below 0.05 is hardly chance.
    """
    rng = derive_generator("null_share", *seed_key)
    means = [rng.choice(nulls, n_averaged, replace=False).mean() for _ in range(N_NULL_MEANS)]
    return float(np.mean(np.array(means) <= found))


def _by_recording(ladders: Ladders) -> dict[str, float]:
    """Average the correlations within each recording, in order of their names."""
    coefficients = np.array([spearman(ladders.intensity, row) or 0.0 for row in ladders.score])
    return {
        str(name): float(coefficients[ladders.recording == name].mean())
        for name in np.unique(ladders.recording)
    }
