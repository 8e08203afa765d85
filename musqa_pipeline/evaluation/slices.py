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

from musqa_pipeline.errors import StageError
from musqa_pipeline.evaluation.metrics import METRICS
from musqa_pipeline.evaluation.settings import EvaluationSettings
from musqa_pipeline.evaluation.table import EVALUATIONS
from musqa_pipeline.statistics.bootstrap import (
    MIN_RECORDINGS,
    Floats,
    interval,
    recording_counts,
    resampled_metrics,
)

DRAWS: tuple[Literal["uniform_draw", "natural_mix"], ...] = ("uniform_draw", "natural_mix")

PREDICTIONS_SCHEMA = {
    "model": pl.String,
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
"""Columns of a predictions frame: one row is one model on one degraded excerpt. `codec`,
`bitrate_kbps` and `cutoff_hz` are the last process's (codec ``reference`` if there is none);
`what` says all processes in
words; `reference` is ``dark``, ``full band`` or empty (see `darkness`); `label` and `predicted` are
points, 0-100."""


def evaluate(predictions: pl.DataFrame, settings: EvaluationSettings) -> pa.Table:
    """Compute the table `evaluations`.

    Parameters
    ----------
    predictions : polars.DataFrame
        With the columns of `PREDICTIONS_SCHEMA`; only rows whose part is ``test`` are looked at.
    settings : EvaluationSettings
        Bootstrap draws, coverage and seed.

    Returns
    -------
    pyarrow.Table
        With the schema of `EVALUATIONS`, in the order models come, then draws, slices, values.

    Raises
    ------
    StageError
        If there are no test rows, or a model predicts something that is no number.
    """
    test = _checked(predictions)
    rows: list[dict[str, Any]] = []
    for draw in DRAWS:
        drawn = test.filter(pl.col(draw))
        for name, value, part in slices(drawn):
            rows.extend(_slice_rows(part, settings, draw, name, value))
    order = {model: i for i, model in enumerate(test["model"].unique(maintain_order=True))}
    return EVALUATIONS.from_rows(sorted(rows, key=lambda row: order[row["model"]]))


def slices(drawn: pl.DataFrame) -> Iterator[tuple[str, str, pl.DataFrame]]:
    """Yield the slices of one draw.

    Parameters
    ----------
    drawn : polars.DataFrame
        Test rows of one draw, all models together.

    Yields
    ------
    tuple of str, str and polars.DataFrame
        What is sliced by, the value, and the rows. A column that is empty throughout gives no
        slice, and neither does a draw without rows.
    """
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
    """Return what each slice column is made of.

    Returns
    -------
    dict of str to polars.Expr
        Text, null where a row belongs to no such slice. A genre counts by its first word before
        a slash: finer ones rarely have three recordings.
    """

    def filled(column: pl.Expr) -> pl.Expr:
        return pl.when(column != "").then(column)

    kbps = pl.col("bitrate_kbps")
    return {
        "codec": filled(pl.col("codec")),
        "bitrate_kbps": pl.when(kbps == kbps.round())
        .then(kbps.cast(pl.Int64, strict=False).cast(pl.String))
        .otherwise(kbps.cast(pl.String)),
        "depth": pl.col("depth").cast(pl.String),
        "genre": filled(pl.col("genre").str.split("/").list.first()),
        "tier": filled(pl.col("tier")),
        "reference": filled(pl.col("reference")),
        # Where all labels are trusted the slice would be the whole.
        "label": pl.when(~pl.col("trusted").all()).then(
            pl.when("trusted").then(pl.lit("trusted")).otherwise(pl.lit("not trusted"))
        ),
    }


def paired_differences(
    predictions: pl.DataFrame, settings: EvaluationSettings, metric: str = "rmse"
) -> list[dict[str, Any]]:
    """Compare every two models on the same rows and the same resamples.

    Parameters
    ----------
    predictions : polars.DataFrame
        As for `evaluate`.
    settings : EvaluationSettings
        Bootstrap draws, coverage and seed.
    metric : str
        Name of the metric that is compared.

    Returns
    -------
    list of dict
        Per draw and pair: draw, first, second, metric, difference (first - second), low, high
        and n_recordings. Ends are None with fewer than three recordings.

    Raises
    ------
    StageError
        If there are no test rows, or a model predicts something that is no number.
    """
    test = _checked(predictions)
    found: list[dict[str, Any]] = []
    for draw in DRAWS:
        drawn = test.filter(pl.col(draw))
        keys = ["catalog", "degraded_id"]
        by_model = {m: p.sort(keys) for (m,), p in drawn.group_by("model", maintain_order=True)}
        names = list(by_model)
        for i, first in enumerate(names):
            for second in names[i + 1 :]:
                found.append(_difference(by_model[first], by_model[second], settings, draw, metric))
    return found


def _checked(predictions: pl.DataFrame) -> pl.DataFrame:
    test = predictions.filter(pl.col("part") == "test")
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


def _resamples(
    part: pl.DataFrame, settings: EvaluationSettings, *key: str
) -> dict[str, Floats] | None:
    """Metrics of every resample; None with too few recordings."""
    names, index = np.unique(part["recording"].to_numpy().astype(str), return_inverse=True)
    if len(names) < MIN_RECORDINGS:
        return None
    counts = recording_counts(len(names), settings.n_bootstrap, settings.seed, *key)
    return resampled_metrics(part["label"], part["predicted"], index, counts)


def _slice_rows(
    part: pl.DataFrame, settings: EvaluationSettings, draw: str, name: str, value: str
) -> Iterator[dict[str, Any]]:
    for (model,), rows in part.group_by("model", maintain_order=True):
        resamples = _resamples(rows, settings, draw, name, value)
        for metric, compute in METRICS.items():
            estimate = compute(rows["label"].to_numpy(), rows["predicted"].to_numpy())
            ends = None
            if resamples is not None and estimate is not None:
                ends = interval(resamples[metric], settings.confidence)
            yield {
                "model": model,
                "draw": draw,
                "slice": name,
                "value": value,
                "metric": metric,
                "estimate": estimate,
                "low": ends[0] if ends else None,
                "high": ends[1] if ends else None,
                "n_rows": rows.height,
                "n_recordings": rows["recording"].n_unique(),
            }


def _difference(
    first: pl.DataFrame, second: pl.DataFrame, settings: EvaluationSettings, draw: str, metric: str
) -> dict[str, Any]:
    estimates = [
        METRICS[metric](rows["label"].to_numpy(), rows["predicted"].to_numpy())
        for rows in (first, second)
    ]
    ends = None
    resamples = [_resamples(rows, settings, draw, "all", "all") for rows in (first, second)]
    if resamples[0] is not None and resamples[1] is not None:
        ends = interval(resamples[0][metric] - resamples[1][metric], settings.confidence)
    defined = estimates[0] is not None and estimates[1] is not None
    return {
        "draw": draw,
        "first": first["model"][0],
        "second": second["model"][0],
        "metric": metric,
        "difference": estimates[0] - estimates[1] if defined else None,  # type: ignore[operator]
        "low": ends[0] if ends else None,
        "high": ends[1] if ends else None,
        "n_recordings": first["recording"].n_unique(),
    }
