"""Rank correlations of D over the paper's five versions a segment: by degradation, genre, and all.

Intervals draw whole recordings; p is Student's as in paper 000, which takes rows for independent.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from musqa_pipeline.stages.evaluation.gan.falls import KIND_WORDS
from musqa_pipeline.studies.statistics.rank_correlation import RankCorrelation, rank_correlation

OTHERS = {"intensity": "I", "visqol_mos": "ViSQOL"}
"""Columns that D is correlated with, where the preset has them, by what the page calls them."""


@dataclass(frozen=True)
class Line:
    """What D agrees with on some of the versions."""

    of: str
    group: str
    """What that is: a degradation, a genre, or all versions."""
    n_versions: int
    n_recordings: int
    cells: Mapping[str, RankCorrelation]
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
            {
                name: rank_correlation(part[name], part["score"], part["whose"], "gan")
                for name in others
            },
        )
        for group, its in parts.items()
        for of, part in its.items()
    ]
