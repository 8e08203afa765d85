"""Spearman's coefficient with p as paper 000 has it and with an interval over recordings."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from musqa_pipeline.studies.statistics.bootstrap import (
    MIN_RECORDINGS,
    Estimate,
    interval,
    recording_counts,
    resampled_metrics,
)
from musqa_pipeline.studies.statistics.intervals import correlation_p_value
from musqa_pipeline.studies.statistics.metrics import spearman


@dataclass(frozen=True)
class RankCorrelation(Estimate):
    """How two columns go together by rank."""

    p: float | None
    """Two-sided by Student's t, which takes rows for independent; None below three rows, or where
    there is no coefficient."""


def rank_correlation(
    first: ArrayLike,
    second: ArrayLike,
    recording: ArrayLike,
    *seed_key: str | int,
    n_draws: int = 2000,
    confidence: float = 0.95,
) -> RankCorrelation:
    """Correlate two columns by rank; unlike `bootstrap.estimate`, no row is copied for a draw.

    Parameters
    ----------
    first, second : array_like of float, shape (rows,)
    recording : array_like, shape (rows,)
        Whole recordings are drawn for the interval.
    *seed_key : str or int
    n_draws : int
    confidence : float

    Returns
    -------
    RankCorrelation
    """
    value, n_rows = spearman(first, second), len(np.asarray(first))
    names, index = np.unique(np.asarray(recording), return_inverse=True)
    ends = None
    if value is not None and len(names) >= MIN_RECORDINGS:
        counts = recording_counts(len(names), n_draws, *seed_key)
        ends = interval(resampled_metrics(first, second, index, counts)["spearman"], confidence)
    low, high = ends or (None, None)
    p = None if value is None or n_rows < 3 else correlation_p_value(value, n_rows)
    return RankCorrelation(value, low, high, len(names), p)
