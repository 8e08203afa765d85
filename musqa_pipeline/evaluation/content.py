"""What a report is made of: plain values, be they real or made up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from musqa_pipeline.evaluation.examples import Example


@dataclass(frozen=True, kw_only=True)
class ReportContent:
    """All that the page shows; nothing in it says when or on which machine."""

    preset: str
    catalogs: Sequence[str]
    confidence: float
    """Coverage of all intervals."""
    predictions: pl.DataFrame
    """Test rows of finished networks and baselines (`slices.PREDICTIONS_SCHEMA`)."""
    evaluations: pl.DataFrame
    """The table `evaluations`."""
    differences: Sequence[Mapping[str, Any]]
    """From `slices.paired_differences`, of RMSE."""
    runs: Sequence[Mapping[str, Any]]
    """Rows of the table `runs`, unfinished ones included."""
    parts: Sequence[Mapping[str, Any]]
    """Per part of the split: part, recordings, excerpts, uniform, natural (rows)."""
    edges: Sequence[float]
    """Borders of the bins of the uniform draw, in points."""
    before: Sequence[int]
    """Rows that could be drawn, in each bin."""
    after: Sequence[int]
    """Rows drawn, in each bin."""
    uniformity: Mapping[str, str] = field(default_factory=dict)
    """Further numbers on the draw, by name, as text."""
    near_duplicates: Sequence[Mapping[str, Any]] | None = None
    """Pairs of tracks in different parts that sound alike; None if nobody looked."""
    quarantined: int = 0
    """Inputs that could not serve."""
    examples: Sequence[Example] = ()
    """Worst predictions of the headline model."""
    provenance: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """Sections of names and values: fingerprints, settings, versions."""
