"""Rank correlations of D over the paper's five versions a segment: by degradation, genre, and all.

Intervals draw whole recordings; p is Student's as in paper 000, which takes rows for independent.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import ArrayLike

from musqa_pipeline.stages.evaluation.gan.falls import KIND_WORDS
from musqa_pipeline.studies.statistics.bootstrap import (
    MIN_RECORDINGS,
    Estimate,
    interval,
    recording_counts,
    resampled_metrics,
)
from musqa_pipeline.studies.statistics.intervals import correlation_p_value
from musqa_pipeline.studies.statistics.metrics import spearman

OTHERS = {"intensity": "I", "visqol_mos": "ViSQOL"}
"""Columns that D is correlated with, where the preset has them, by what the page calls them."""
N_DRAWS = 2000
CONFIDENCE = 0.95


@dataclass(frozen=True)
class Correlation:
    """Spearman's coefficient of D with another column."""

    found: Estimate
    p: float | None
    """None where there is no coefficient."""


@dataclass(frozen=True)
class Line:
    """What D agrees with on some of the versions."""

    of: str
    group: str
    """What that is: a degradation, a genre, or all versions."""
    n_versions: int
    n_recordings: int
    cells: Mapping[str, Correlation]
    """By column."""


def correlate_scores(rows: pl.DataFrame, others: Sequence[str]) -> list[Line]:
    """Correlate ``score`` with other columns, of versions as `plots.paper_rows` leaves them.

    An original has the intensity 0.
    """
    rows = rows.with_columns(pl.col("intensity").fill_null(0.0))
    genres = rows["genre"].unique().sort().to_list()
    parts = {
        "degradation": {words: rows.filter(kind=kind) for kind, words in KIND_WORDS.items()},
        "genre": {genre: rows.filter(genre=genre) for genre in genres} if len(genres) > 1 else {},
        "versions": {"all": rows},
    }
    return [
        Line(
            of,
            group,
            part.height,
            part["whose"].n_unique(),
            {name: correlate(part[name], part["score"], part["whose"]) for name in others},
        )
        for group, its in parts.items()
        for of, part in its.items()
    ]


def correlate(first: ArrayLike, second: ArrayLike, recording: ArrayLike) -> Correlation:
    """Correlate two columns of rows by rank, with p and an interval over recordings."""
    value, n_rows = spearman(first, second), len(np.asarray(first))
    names, index = np.unique(np.asarray(recording), return_inverse=True)
    ends = None
    if len(names) >= MIN_RECORDINGS:
        counts = recording_counts(len(names), N_DRAWS, "gan")
        ends = interval(resampled_metrics(first, second, index, counts)["spearman"], CONFIDENCE)
    low, high = ends or (None, None)
    p = None if value is None or n_rows < 3 else correlation_p_value(value, n_rows)
    return Correlation(Estimate(value, low, high, len(names)), p)
