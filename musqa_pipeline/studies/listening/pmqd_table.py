"""Table 2 of paper 000 for any scores of PMQD's segments, beside the paper's coefficients."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from musqa_pipeline.studies.listening.pmqd_paper import ALL, KINDS, PAPER, SUBSETS
from musqa_pipeline.studies.statistics.bootstrap import (
    MIN_RECORDINGS,
    interval,
    recording_counts,
    resampled_metrics,
)
from musqa_pipeline.studies.statistics.intervals import correlation_p_value
from musqa_pipeline.studies.statistics.metrics import spearman

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class WithRating:
    """How one score goes with the ratings of one subset."""

    score: str
    of: str
    """The subset."""
    spearman: float | None
    """None with fewer than two segments, or where all scores or all ratings are equal."""
    low: float | None
    high: float | None
    """Ends of the interval over recordings; None with fewer than `MIN_RECORDINGS`."""
    p: float | None
    """Two-sided, as in the paper, which takes segments for independent; None below three."""
    n: int
    """Segments that have this score."""
    n_recordings: int
    paper: float | None
    """The paper's coefficient, where it prints one."""


def with_ratings(
    scores: Mapping[str, ArrayLike],
    rating: ArrayLike,
    *,
    kind: Sequence[str],
    genre: Sequence[str],
    recording: Sequence[str],
    n_draws: int = 2000,
    confidence: float = 0.95,
) -> list[WithRating]:
    """Correlate scores of PMQD's segments with their ratings, as table 2 does.

    Parameters
    ----------
    scores : mapping of str to array_like of float, shape (segments,)
        By name, see `PAPER`; NaN where a segment has none.
    rating : array_like of float, shape (segments,)
        1 to 5.
    kind : sequence of str, length segments
        original, distortion, limiter, lowpass or noise.
    genre : sequence of str, length segments
    recording : sequence of str, length segments
        Whole recordings are drawn for the intervals.
    n_draws : int
    confidence : float

    Returns
    -------
    list of WithRating
        Score by score, each for all `SUBSETS`, whether there are segments of them or not.
    """
    whose = np.unique(np.asarray(recording), return_inverse=True)[1]
    label, genres, kinds = np.asarray(rating, np.float64), np.asarray(genre), np.asarray(kind)
    found = []
    for name, values in scores.items():
        score = np.asarray(values, np.float64)
        for subset in SUBSETS:
            wanted = np.isfinite(score)
            if subset != ALL:
                wanted &= (kinds if subset in KINDS else genres) == subset
            sides = label[wanted], score[wanted], whose[wanted]
            found.append(_with_rating(name, subset, *sides, n_draws, confidence))
    return found


def _with_rating(
    name: str,
    subset: str,
    label: Floats,
    score: Floats,
    whose: NDArray[np.intp],
    n_draws: int,
    confidence: float,
) -> WithRating:
    value = spearman(label, score) if len(label) else None
    names, index = np.unique(whose, return_inverse=True)
    ends = None
    if value is not None and len(names) >= MIN_RECORDINGS:
        counts = recording_counts(len(names), n_draws, "pmqd")
        draws = resampled_metrics(label, score, index, counts)["spearman"]
        ends = interval(draws, confidence)
    low, high = ends or (None, None)
    return WithRating(
        score=name,
        of=subset,
        spearman=value,
        low=low,
        high=high,
        p=None if value is None or len(label) < 3 else correlation_p_value(value, len(label)),
        n=len(label),
        n_recordings=len(names),
        paper=PAPER.get(name, {}).get(subset),
    )
