"""Whether discriminators' scores fall as music is degraded, for the page and for the report."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from musqa_pipeline.stages.engine.context import Context
from musqa_pipeline.stages.gan_scores.read import ladders_of, read_trainings, read_versions
from musqa_pipeline.stages.gan_scores.stage import finished_runs
from musqa_pipeline.stages.segments.tracks import wants_segments
from musqa_pipeline.studies.statistics.ladders import Fall, Ladders, fall

Floats = NDArray[np.float64]
ALL = "all"
KIND_WORDS = {
    "distortion": "distortion", "limiter": "limiter", "lowpass": "low-pass", "noise": "noise",
}  # fmt: skip


@dataclass(frozen=True)
class NetworkFalls:
    """How surely the scores of a GAN's trainings fall, on average over them."""

    name: str
    n_trainings: int
    n_segments: int
    falls: Mapping[str, Fall]
    """By degradation, and over `ALL` of them."""


def gather_falls(context: Context, confidence: float = 0.95) -> list[NetworkFalls]:
    """Correlate scores with intensity within segments, by network; finished trainings alone.

    None where a preset asks for no GAN. Raises StageError if one has not scored all segments.
    """
    if not wants_segments(context.preset) or not finished_runs(context):
        return []
    versions = read_versions(context)
    scores: dict[str, list[Floats]] = {}
    for one in read_trainings(context, versions):
        scores.setdefault(one.row["network"], []).append(one.score)
    n_segments = versions.select("catalog", "segment_id").n_unique()
    return [
        NetworkFalls(name, len(each), n_segments, falls_of(versions, each, confidence))
        for name, each in scores.items()
    ]


def falls_of(
    versions: pl.DataFrame, scores: Iterable[Floats], confidence: float = 0.95
) -> dict[str, Fall]:
    """Correlate scores with intensity within segments: over `ALL` kinds, and by kind."""
    each = [ladders_of(versions, score) for score in scores]
    together = {ALL: each} | {kind: [{kind: one[kind]} for one in each] for kind in each[0]}
    return {
        name: fall(side_by_side(of), "gan", confidence=confidence) for name, of in together.items()
    }


def side_by_side(each: Iterable[Mapping[str, Ladders]]) -> dict[str, Ladders]:
    """Lay ladders of several trainings side by side, so that each has its vote."""
    return {f"{kind} {n}": of for n, one in enumerate(each) for kind, of in one.items()}
