"""How metrics order the same rows: correlations of each two, low-passes in order, and quarrels.

The label is one metric among the others. All is of ranks, as each has a scale of its own.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from musqa_pipeline.core.settings.evaluation import EvaluationSettings
from musqa_pipeline.core.settings.per_catalog import EFFECT_NAMES
from musqa_pipeline.stages.dataset.inputs import read_labelled_rows
from musqa_pipeline.stages.dataset.report import read_dataset
from musqa_pipeline.stages.dataset.second_metric.table import OPINIONS
from musqa_pipeline.stages.degradations.words import CODEC_NAMES, NO_CODECS
from musqa_pipeline.stages.engine.context import Context
from musqa_pipeline.stages.spectrograms.features.rows import KEYS, describe_rows
from musqa_pipeline.studies.statistics.bootstrap import (
    MIN_RECORDINGS,
    Estimate,
    interval,
    mean_over_recordings,
    recording_counts,
    resampled_metrics,
)
from musqa_pipeline.studies.statistics.metrics import spearman

LABEL = "ViSQOL"
NAMES = {
    "zimtohrli": "Zimtohrli",
    "nlpd": "NLPD",
    "ms_ssim": "MS-SSIM",
    "log_mel_mse": "log-mel MSE",
}
"""Second metrics for people, by the first word of their version."""
FEWEST_ROWS = 10
"""A slice with fewer has no correlation."""
FEWEST_WITHIN = 4
"""Rows that a reference takes to count among those within which ranks are compared."""
LEAST_RATIO = 1.1
"""Of two cut-offs that have an order, whatever their slopes."""
N_QUARRELS = 20
REFERENCE, FULL_BAND = "reference", "full band"


@dataclass(frozen=True)
class Slice:
    """Some of the rows, and how each two metrics go together on them."""

    title: str
    n_rows: int
    n_recordings: int
    spearman: Mapping[tuple[str, str], Estimate]
    """By pair; without a value where it is not defined."""


def read_judged(context: Context) -> tuple[pl.DataFrame, list[str]]:
    """Read the rows that were judged, a column of MOS for each metric, and the metrics' names."""
    opinions = pl.DataFrame(
        context.lake.scan(context.joint_partition("opinions"), OPINIONS.schema)
    ).with_columns(metric=pl.col("metric").map_elements(name_of, return_dtype=pl.String))
    rows = describe_rows(read_labelled_rows(context), read_dataset(context))
    wide = opinions.pivot(on="metric", index=KEYS, values="second_mos").drop_nulls()
    found = rows.join(wide, on=KEYS, how="inner").with_columns(pl.col("mos").alias(LABEL))
    return found.sort(KEYS), [LABEL, *(name for name in wide.columns if name not in KEYS)]


def name_of(version: str) -> str:
    """Return the name of a metric for people."""
    return NAMES.get(version.split(" ")[0], version)


def kind_of() -> pl.Expr:
    """Say what kind of degradation a row has."""
    codec = pl.col("codec")
    return (
        pl.when(pl.col("depth") == 0)
        .then(pl.lit("untouched"))
        .when(pl.col("depth") > 1)
        .then(pl.lit("cascades"))
        .when(codec == "lowpass")
        .then(pl.lit("low-passes"))
        .when(codec == "resample")
        .then(pl.lit("resampling"))
        .when(codec.is_in(EFFECT_NAMES))
        .then(pl.lit("effects"))
        .otherwise(pl.lit("codecs"))
    )


def slices_of(
    rows: pl.DataFrame, names: Sequence[str], settings: EvaluationSettings
) -> dict[str, list[Slice]]:
    """Correlate each two metrics: over all rows, within references, by kind, by last codec."""
    kinds = rows.with_columns(kind=kind_of())
    coded = rows.filter(~pl.col("codec").is_in([*NO_CODECS, REFERENCE]))
    return {
        "all": [
            _slice("all rows", rows, names, settings),
            _within(rows, names, settings),
        ],
        "kind": [
            _slice(str(kind), part, names, None)
            for (kind,), part in kinds.sort("kind").group_by("kind", maintain_order=True)
        ],
        "codec": [
            _slice(CODEC_NAMES.get(str(codec), str(codec)), part, names, None)
            for (codec,), part in coded.sort("codec").group_by("codec", maintain_order=True)
        ],
    }


def _slice(
    title: str, rows: pl.DataFrame, names: Sequence[str], settings: EvaluationSettings | None
) -> Slice:
    recordings, index = np.unique(_whose(rows), return_inverse=True)
    found = {}
    for one, other in itertools.combinations(names, 2):
        x, y = rows[one].to_numpy(), rows[other].to_numpy()
        value = spearman(x, y) if rows.height >= FEWEST_ROWS else None
        ends = None
        if settings is not None and value is not None and len(recordings) >= MIN_RECORDINGS:
            counts = recording_counts(len(recordings), settings.n_bootstrap, "opinions")
            ends = interval(resampled_metrics(x, y, index, counts)["spearman"], settings.confidence)
        low, high = ends or (None, None)
        found[one, other] = Estimate(value, low, high, len(recordings))
    return Slice(title, rows.height, len(recordings), found)


def _within(rows: pl.DataFrame, names: Sequence[str], settings: EvaluationSettings) -> Slice:
    """Average coefficients of references, by recording."""
    parts = [
        part
        for part in rows.partition_by("catalog", "excerpt_id", maintain_order=True)
        if part.height >= FEWEST_WITHIN
    ]
    found = {}
    for one, other in itertools.combinations(names, 2):
        each = [(spearman(part[one], part[other]), _whose(part)[0]) for part in parts]
        known = [(value, whose) for value, whose in each if value is not None]
        values, whose = zip(*known, strict=True) if known else ((), ())
        found[one, other] = (
            mean_over_recordings(
                values,
                whose,
                "opinions",
                n_draws=settings.n_bootstrap,
                confidence=settings.confidence,
            )
            if known
            else Estimate(None, None, None, 0)
        )
    n_recordings = len({_whose(part)[0] for part in parts})
    return Slice("within references", sum(part.height for part in parts), n_recordings, found)


def _whose(rows: pl.DataFrame) -> list[str]:
    return rows.select(pl.concat_str("catalog", "recording", separator="/")).to_series().to_list()


def lowpasses_in_order(rows: pl.DataFrame, names: Sequence[str]) -> list[dict[str, Any]]:
    """Count how each metric orders neighbouring low-passes of full-band references, by cut-off.

    The untouched reference, where it is among the rows, is above all.
    """
    key = ["catalog", "excerpt_id"]
    alone = rows.filter(
        ((pl.col("depth") == 1) & (pl.col("codec") == "lowpass")) | (pl.col("depth") == 0),
        pl.col("reference") == FULL_BAND,
    )
    ordered = alone.with_columns(
        cut=pl.when(pl.col("depth") == 0).then(float("inf")).otherwise(pl.col("cutoff_hz"))
    ).sort(*key, "cut", "degraded_id")
    wider = [pl.col(name).shift(-1).over(key).alias(f"wider {name}") for name in ["cut", *names]]
    steps = ordered.with_columns(wider).filter(pl.col("wider cut") >= LEAST_RATIO * pl.col("cut"))
    if steps.is_empty():
        return []
    found = []
    for name in names:
        judged = steps.with_columns(right=pl.col(f"wider {name}") > pl.col(name))
        whole = judged.group_by(key).agg(pl.col("right").all())
        found.append(
            {
                "metric": name,
                "n_right": int(judged["right"].sum()),
                "n_steps": judged.height,
                "n_references_right": int(whole["right"].sum()),
                "n_references": whole.height,
            }
        )
    return found


def quarrels(rows: pl.DataFrame, names: Sequence[str]) -> list[dict[str, Any]]:
    """Choose the rows whose ranks differ most between metrics, one a reference.

    Each has ``rank``: by metric, the share of all rows that it puts below, in per cent.
    """
    ranks = [
        (100 * (pl.col(name).rank("average") - 0.5) / pl.len()).alias(f"rank {name}")
        for name in names
    ]
    columns = [f"rank {name}" for name in names]
    apart = pl.max_horizontal(columns) - pl.min_horizontal(columns)
    ranked = rows.with_columns(ranks).with_columns(apart=apart)
    ranked = ranked.sort("apart", *KEYS, descending=[True, False, False])
    chosen = ranked.unique(["catalog", "excerpt_id"], keep="first", maintain_order=True)
    return [
        {**row, "rank": {name: row[f"rank {name}"] for name in names}}
        for row in chosen.head(N_QUARRELS).to_dicts()
    ]
