"""From predictions to the table `evaluations`: every metric on every slice, with intervals.

A slice is a set of test rows that have something in common. The two draws are kept apart
throughout: `uniform_draw` rows were drawn so that quality is uniform, `natural_mix` rows are the
mix as made, and a correlation on one is no correlation on the other.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

import numpy as np
import polars as pl
import pyarrow as pa

from musqa_pipeline.core.errors import StageError
from musqa_pipeline.core.settings.evaluation import EvaluationSettings
from musqa_pipeline.stages.degradations.table import RANDOM
from musqa_pipeline.stages.degradations.words import NO_CODECS, process_words
from musqa_pipeline.stages.evaluation.repetitions import (
    METRICS,
    ends_of,
    estimates_of,
    mean_of,
    repetitions_of,
    resamples_of,
)
from musqa_pipeline.stages.evaluation.table import EVALUATIONS
from musqa_pipeline.stages.models.trials.divisions import IN_HALVES

DRAWS: tuple[Literal["uniform_draw", "natural_mix"], ...] = ("uniform_draw", "natural_mix")

CODEC_ROWS_EDGE_HZ = 12_000.0
"""Below this edge bandwidth alone gives the quality away."""

HOLDOUT = "holdout"
"""Protocol of the runs of stage 7, which the test recordings judge."""
PREDICTIONS_SCHEMA = {
    "protocol": pl.String,
    "variant": pl.String,
    "fold": pl.String,
    "model": pl.String,
    "repetition": pl.Int64,
    "degraded_id": pl.String,
    "excerpt_id": pl.String,
    "recording": pl.String,
    "catalog": pl.String,
    "part": pl.String,
    "uniform_draw": pl.Boolean,
    "natural_mix": pl.Boolean,
    "trusted": pl.Boolean,
    "codec": pl.String,
    "bitrate_kbps": pl.Float64,
    "cutoff_hz": pl.Float64,
    "process": pl.String,
    "what": pl.String,
    "kind": pl.String,
    "depth": pl.Int64,
    "genre": pl.String,
    "tier": pl.String,
    "reference": pl.String,
    "label": pl.Float64,
    "predicted": pl.Float64,
    "upper_edge_hz": pl.Float64,
}
"""Columns of a predictions frame: one row is one model on one degraded excerpt. `fold`
says which part a trial left out, and is empty elsewhere. `codec`,
`bitrate_kbps` and `cutoff_hz` are the last process's (codec ``reference`` if there is none);
`what` says all processes in
words; `reference` is ``dark``, ``full band`` or empty (see `darkness`); `label` and `predicted` are
points, 0-100."""


def evaluate(predictions: pl.DataFrame, settings: EvaluationSettings) -> pa.Table:
    """Compute the table `evaluations`."""
    test = judged_rows(predictions)
    rows: list[dict[str, Any]] = []
    for (protocol, variant), judged in test.group_by("protocol", "variant", maintain_order=True):
        of_protocol: list[dict[str, Any]] = []
        for draw in DRAWS:
            for name, value, part in slices(judged.filter(pl.col(draw))):
                of_protocol.extend(_slice_rows(part, settings, draw, name, value))
        order = {model: i for i, model in enumerate(judged["model"].unique(maintain_order=True))}
        of_protocol.sort(key=lambda row: order[row["model"]])
        rows.extend({"protocol": protocol, "variant": variant, **row} for row in of_protocol)
    return EVALUATIONS.from_rows(rows)


def slices(drawn: pl.DataFrame) -> Iterator[tuple[str, str, pl.DataFrame]]:
    """Yield the slices of one draw."""
    if drawn.is_empty():
        return
    yield "all", "all", drawn
    for name, value in slice_values().items():
        keyed = drawn.with_columns(value.alias("_value"))
        if name == "bitrate_kbps":
            keyed = keyed.sort("bitrate_kbps", nulls_last=True, maintain_order=True)
        elif name != "depth":
            keyed = keyed.sort("_value", nulls_last=True, maintain_order=True)
        keyed = keyed.filter(pl.col("_value").is_not_null())
        for (text,), part in keyed.group_by("_value", maintain_order=True):
            yield name, str(text), part.drop("_value")


def slice_values() -> dict[str, pl.Expr]:
    """Return what each slice column is made of."""

    def filled(column: pl.Expr) -> pl.Expr:
        return pl.when(column != "").then(column)

    in_folds = pl.col("protocol").is_in(["folds", *IN_HALVES])
    # A bitrate that was drawn at random is hardly ever that of another row.
    kbps = pl.when(pl.col("kind") != RANDOM).then(pl.col("bitrate_kbps"))
    return {
        "codec": filled(pl.col("codec")),
        "bitrate_kbps": pl.when(kbps == kbps.round())
        .then(kbps.cast(pl.Int64, strict=False).cast(pl.String))
        .otherwise(kbps.cast(pl.String)),
        "kind": filled(pl.col("kind")),
        "depth": pl.col("depth").cast(pl.String),
        "within": pl.when(codec_rows()).then(pl.lit("codecs alone")),
        "genre": filled(pl.col("genre").str.split("/").list.first()),
        "tier": filled(pl.col("tier")),
        "reference": filled(pl.col("reference")),
        "part": pl.when(in_folds & (pl.col("part") == "test"))
        .then(pl.lit("untouched test recordings"))
        .when(in_folds)
        .then(pl.lit("out of fold")),
        # Where all labels are trusted the slice would be the whole.
        "label": pl.when(~pl.col("trusted").all()).then(
            pl.when("trusted").then(pl.lit("trusted")).otherwise(pl.lit("not trusted"))
        ),
    }


def codec_rows() -> pl.Expr:
    """Mark rows in which codecs alone did the damage, with an edge that hides none."""
    others = pl.col("what").str.contains("|".join(process_words(n, None, None) for n in NO_CODECS))
    coded = ~pl.col("codec").is_in(["reference", *NO_CODECS])
    return coded & ~others & (pl.col("upper_edge_hz") >= CODEC_ROWS_EDGE_HZ)


def judged_rows(predictions: pl.DataFrame) -> pl.DataFrame:
    """Return the rows that count, each with a number for a prediction.

    Raises StageError if there are none, or a model predicts something that is no number.
    """
    test = predictions.filter((pl.col("part") == "test") | (pl.col("protocol") != HOLDOUT))
    if test.is_empty():
        raise StageError(
            "no test rows to evaluate: give some recordings role=test in tracks.csv, raise "
            "[dataset] test_fraction, or add more recordings"
        )
    for (model,), part in test.group_by("model", maintain_order=True):
        bad = part.filter(~pl.col("predicted").is_finite().fill_null(False))
        if not bad.is_empty():
            raise StageError(
                f"model {model} gives no number for {len(bad)} of {len(part)} test rows, first "
                f"{bad['degraded_id'][0]}; train it again"
            )
    return test


def _slice_rows(
    part: pl.DataFrame, settings: EvaluationSettings, draw: str, name: str, value: str
) -> Iterator[dict[str, Any]]:
    for (model,), rows in part.group_by("model", maintain_order=True):
        repetitions = repetitions_of(rows)
        # Ranks of resamples take nearly all of the time; on slices nobody reads their interval.
        resamples = resamples_of(repetitions, settings, draw, name, value, ranks=name == "all")
        for metric in METRICS:
            estimates = estimates_of(repetitions, metric)
            estimate = mean_of(estimates)
            draws = None if estimate is None else (resamples or {}).get(metric)
            several = estimate is not None and len(estimates) > 1
            yield {
                "model": model,
                "draw": draw,
                "slice": name,
                "value": value,
                "metric": metric,
                "estimate": estimate,
                "sd": float(np.std(np.array(estimates, float), ddof=1)) if several else None,
                "n_repetitions": len(repetitions),
                **ends_of(draws, settings.confidence),
                "n_rows": repetitions[0].height,
                "n_recordings": rows["recording"].n_unique(),
            }
