"""What a report is made of: plain values, be they real or made up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from musqa_pipeline.stages.evaluation.ceiling import Ceiling
from musqa_pipeline.stages.evaluation.examples import Example, Twin
from musqa_pipeline.stages.evaluation.gan.falls import NetworkFalls
from musqa_pipeline.stages.evaluation.listeners import ListeningResult
from musqa_pipeline.stages.evaluation.lowpass_steps import STEPS_SCHEMA
from musqa_pipeline.stages.evaluation.summary import shown_name
from musqa_pipeline.studies.listening.table_vi_lines import BesideTableVI


@dataclass(frozen=True, kw_only=True)
class ReportContent:
    """All that the page shows; nothing in it says when or on which machine."""

    preset: str
    catalogs: Sequence[str]
    confidence: float
    """Coverage of all intervals."""
    by_listeners: bool = False
    """Whether labels are what listeners said, and not a metric's scores."""
    predictions: pl.DataFrame
    """What was predicted, of all protocols (`slices.PREDICTIONS_SCHEMA`)."""
    evaluations: pl.DataFrame
    """The table `evaluations`."""
    differences: Sequence[Mapping[str, Any]]
    """From `differences.paired_differences`, of r and RMSE."""
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
    """Worst predictions of each model."""
    networks: Sequence[str] = ()
    """All networks that could have been run; those without predictions were not."""
    intrusive: Sequence[str] = ()
    """Networks that hear the reference."""
    random_weights: Sequence[str] = ()
    """Networks whose backbones have random weights."""
    trials: Sequence[Mapping[str, Any]] = ()
    """Per protocol, variant and model: repetitions, minutes, n_train, n_train_groups, device."""
    generalisation: Sequence[Mapping[str, Any]] = ()
    """From `generalisation.generalisation_rows`."""
    steps: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=STEPS_SCHEMA))
    """From `lowpass_steps.list_steps`."""
    ceilings: Sequence[Ceiling] = ()
    """From `ceiling.estimate_ceilings`."""
    twins: Sequence[Twin] = ()
    """Pairs that sound alike and have two labels."""
    listening: Sequence[ListeningResult] = ()
    """From `listeners.hear_tests`."""
    table_vi: BesideTableVI | None = None
    """From `listener_repetitions.hear_repetitions`."""
    pages: Sequence[str] = ()
    """Pages of GANs and autoencoders that are asked for and lie beside the report."""
    gan: Sequence[NetworkFalls] = ()
    """From `gan.falls.gather_falls`."""
    costs: Sequence[Mapping[str, Any]] = ()
    """Per model: parameters, trainable, ms_per_excerpt and minutes; None where not known."""
    provenance: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """Sections of names and values: fingerprints, settings, versions."""

    @property
    def labeller(self) -> str:
        """Name who gave the labels."""
        return "listeners" if self.by_listeners else "ViSQOL"

    def name(self, model: str) -> str:
        """Return the name of a model for people, which says if its backbone began by chance."""
        mark = " (random backbone)" if model in self.random_weights else ""
        return shown_name(model) + mark
