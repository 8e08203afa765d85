"""Table 2 of paper 000 for any scores of PMQD's segments, beside the paper's coefficients."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from musqa_pipeline.studies.listening.pmqd_paper import ALL, KINDS, PAPER, SUBSETS
from musqa_pipeline.studies.statistics.rank_correlation import rank_correlation


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

    Returns
    -------
    list of WithRating
        Score by score, each for all `SUBSETS`, whether there are segments of them or not.
    """
    label, whose = np.asarray(rating, np.float64), np.asarray(recording)
    genres, kinds = np.asarray(genre), np.asarray(kind)
    found = []
    for name, values in scores.items():
        score = np.asarray(values, np.float64)
        for subset in SUBSETS:
            wanted = np.isfinite(score)
            if subset != ALL:
                wanted &= (kinds if subset in KINDS else genres) == subset
            own = rank_correlation(label[wanted], score[wanted], whose[wanted], "pmqd")
            found.append(
                WithRating(
                    score=name,
                    of=subset,
                    spearman=own.value,
                    low=own.low,
                    high=own.high,
                    p=own.p,
                    n=int(wanted.sum()),
                    n_recordings=own.n_recordings,
                    paper=PAPER.get(name, {}).get(subset),
                )
            )
    return found
