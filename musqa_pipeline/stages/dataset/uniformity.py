"""How uniform the draw is, and how varied: before and after, part by part.

Evenness is the entropy of the counts over bins, divided by the entropy of as many rows spread over
the bins with supply as evenly as whole rows allow: 1 is a flat histogram, and bins that nature
left empty count neither for nor against it. An effective count is exp(entropy): five codecs in
equal shares count 5, one codec with crumbs of four others little more than 1.
"""

from __future__ import annotations

import bisect
import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import ArrayLike

from musqa_pipeline.stages.dataset.balance import bin_of
from musqa_pipeline.stages.dataset.quotas import fill_evenly
from musqa_pipeline.stages.dataset.splits import PARTS

EVENNESS_GOAL = 0.98
ALL_PARTS = "all"


@dataclass(frozen=True)
class Uniformity:
    """The histogram of one part, before and after the draw."""

    part: str
    """train, validation, test, or all."""
    n_before: int
    """Rows that might have been drawn."""
    n_after: int
    """Rows drawn."""
    n_tracks: int
    """Tracks among the rows drawn."""
    edges: tuple[float, ...]
    """Borders of the bins on the scale of quality, 0-1."""
    before: tuple[int, ...]
    """Candidates in each bin."""
    after: tuple[int, ...]
    """Rows drawn in each bin."""
    evenness_before: float
    """Entropy ratio of the candidates, 0 to 1."""
    evenness: float
    """Entropy ratio of the rows drawn, 0 to 1; the goal is `EVENNESS_GOAL`."""
    empty_bins: tuple[str, ...]
    """Ranges of quality of which there was no candidate."""
    short_bins: tuple[str, ...]
    """Ranges that gave all they had, and still less than an even share."""
    largest_even_size: int
    """The most rows that this supply gives with an evenness at the goal."""
    effective_codecs: float
    effective_genres: float
    effective_tracks: float


def measure_uniformity(
    candidates: pl.DataFrame, drawn: pl.DataFrame, edges: Sequence[float]
) -> list[Uniformity]:
    """Compare the rows drawn with those that might have been."""
    parts = [p for p in PARTS if (candidates["part"] == p).any()]
    chosen = [(p, pl.col("part") == p) for p in parts] + [(ALL_PARTS, pl.lit(True))]
    return [
        _measure(name, candidates.filter(where), drawn.filter(where), tuple(map(float, edges)))
        for name, where in chosen
    ]


def evenness(counts: ArrayLike, has_supply: ArrayLike | None = None) -> float:
    """Measure how flat a histogram is."""
    counts = np.asarray(counts, dtype=np.int64)
    open_bins = counts > 0 if has_supply is None else np.asarray(has_supply, dtype=bool)
    best = fill_evenly(int(counts.sum()), np.where(open_bins, counts.sum(), 0))
    at_best = _entropy(best)
    return 1.0 if at_best == 0 else min(1.0, _entropy(counts) / at_best)


def effective_count(values: pl.Series) -> float:
    """Count values by their weight: exp of the entropy of their shares."""
    counts = values.value_counts()["count"].to_numpy()
    return float(np.exp(_entropy(counts))) if counts.size else 0.0


def largest_even_size(supply: ArrayLike, goal: float = EVENNESS_GOAL) -> int:
    """Find how many rows a supply gives before its poor bins make the draw uneven."""
    supply = np.asarray(supply, dtype=np.int64)

    def is_uneven(level: int) -> bool:
        return evenness(np.minimum(supply, level), supply > 0) < goal

    # A higher level is never more even: the bins that run dry fall behind.
    levels = range(1, int(supply.max(initial=0)) + 1)
    level = bisect.bisect_left(levels, True, key=is_uneven)
    return int(np.minimum(supply, level).sum())


def _measure(
    part: str, candidates: pl.DataFrame, drawn: pl.DataFrame, edges: tuple[float, ...]
) -> Uniformity:
    n_bins = len(edges) - 1
    before, after = (
        np.bincount(bin_of(frame["quality"].to_numpy(), np.array(edges)), minlength=n_bins)
        for frame in (candidates, drawn)
    )
    ranges = [f"{low:.3f}-{high:.3f}" for low, high in itertools.pairwise(edges)]
    short = (before > 0) & (after == before) & (after < after.max(initial=0) - 1)
    return Uniformity(
        part=part,
        n_before=candidates.height,
        n_after=drawn.height,
        n_tracks=drawn.select("catalog", "track_id").n_unique(),
        edges=edges,
        before=tuple(before.tolist()),
        after=tuple(after.tolist()),
        evenness_before=evenness(before, before > 0),
        evenness=evenness(after, before > 0),
        empty_bins=tuple(r for r, n in zip(ranges, before, strict=True) if n == 0),
        short_bins=tuple(r for r, is_short in zip(ranges, short, strict=True) if is_short),
        largest_even_size=largest_even_size(before),
        effective_codecs=effective_count(drawn["last_name"]),
        effective_genres=effective_count(drawn["genre"]),
        effective_tracks=effective_count(
            drawn.select(pl.struct("catalog", "track_id")).to_series()
        ),
    )


def _entropy(counts: np.ndarray) -> float:
    shares = counts[counts > 0] / max(1, counts.sum())
    return float(-(shares * np.log(shares)).sum())
