"""Whether a model hears that more was cut away: 3.5 kHz below 7 kHz below the original.

Asked of every recording that reaches above 7 kHz, with gentle and with steep filters apart: a
model that learned one slope by heart fails on another without a sign.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import polars as pl

from musqa_pipeline.stages.spectrograms.features.darkness import TIE_POINTS

NARROW_HZ, WIDE_HZ = 3_500.0, 7_000.0
"""The anchors of paper 001 (III.G); a row counts for one if its cut-off is within `TOLERANCE`."""
TOLERANCE = 0.15
REACHES_HZ = 7_000.0
"""Upper edge that the untouched recording has at least."""
STEEP_ORDER = 5
"""Filters from this order on, and all FIR filters, are steep; table II has order 4."""
SLOPES = ("gentle", "steep")
STEPS_SCHEMA = {
    "catalog": pl.String,
    "degraded_id": pl.String,
    "excerpt_id": pl.String,
    "slope": pl.String,
    "level": pl.Int64,
}
"""Columns of `list_steps`; `level` rises with what is left: 0 at 3.5 kHz, 1 at 7 kHz, 2 for the
original, whose slope is ``original``."""


def list_steps(rows: pl.DataFrame) -> pl.DataFrame:
    """List the rows that are a step: a low-pass near 3.5 or 7 kHz alone, or the original."""
    original = rows.filter((pl.col("depth") == 0) & (pl.col("upper_edge_hz") > REACHES_HZ))
    alone = rows.filter((pl.col("depth") == 1) & (pl.col("codec") == "lowpass"))
    slope = pl.col("last_params").map_elements(_slope, return_dtype=pl.String, skip_nulls=False)
    parts = [original.with_columns(slope=pl.lit("original"), level=pl.lit(2))]
    for level, hz in enumerate((NARROW_HZ, WIDE_HZ)):
        near = (pl.col("cutoff_hz") / hz - 1).abs() <= TOLERANCE
        step = alone.filter(near).join(original, on=["catalog", "excerpt_id"], how="semi")
        parts.append(step.with_columns(slope=slope, level=pl.lit(level)))
    columns = [pl.col(name).cast(kind) for name, kind in STEPS_SCHEMA.items()]
    return pl.concat([part.select(columns) for part in parts]).sort("catalog", "degraded_id")


def count_steps(predictions: pl.DataFrame, steps: pl.DataFrame) -> list[dict[str, Any]]:
    """Count the recordings that a model orders 3.5 kHz < 7 kHz < original throughout."""
    columns = ["repetition", "catalog", "degraded_id", "recording", "reference", "label"]
    rows = (
        predictions.select(*columns, "predicted")
        .unique(["repetition", "catalog", "degraded_id"], keep="first", maintain_order=True)
        .join(steps, on=["catalog", "degraded_id"], how="inner")
    )
    reference = ["repetition", "recording", "catalog", "excerpt_id"]
    found = []
    for slope in SLOPES:
        part = rows.filter(pl.col("slope").is_in([slope, "original"]))
        pairs = part.join(part, on=reference, suffix="_wider").filter(
            pl.col("level_wider") == pl.col("level") + 1
        )
        tie = (pl.col("label_wider") - pl.col("label") < TIE_POINTS) | (
            pl.col("reference") == "dark"
        )
        judged = (
            pairs.group_by("repetition", "recording")
            .agg(
                both=pl.col("level").n_unique() == 2,
                tie=tie.any(),
                right=(pl.col("predicted_wider") > pl.col("predicted")).all(),
            )
            .filter("both")
        )
        if judged.is_empty():
            continue
        # The labels decide what is a tie, so all repetitions ask the same recordings.
        asked = judged.filter(~pl.col("tie"))
        found.append(
            {
                "slope": slope,
                "n_recordings": asked["recording"].n_unique(),
                "n_right": asked["right"].sum() / judged["repetition"].n_unique(),
                "n_ties": judged.filter("tie")["recording"].n_unique(),
            }
        )
    return found


def _slope(params: str | None) -> str:
    """Say whether a low-pass is steep; without parameters it is that of table II."""
    given: Mapping[str, Any] = json.loads(params) if params else {}
    steep = given.get("family") == "fir" or (given.get("order") or 0) >= STEEP_ORDER
    return "steep" if steep else "gentle"
