"""The stage `labels`: one unit per reference, one row per degraded excerpt."""

from __future__ import annotations

import pyarrow as pa

from musqa_pipeline.audio.degradations.rebuild import AUDIO_COLUMNS, degraded_audio
from musqa_pipeline.audio.metrics.registry import open_metric
from musqa_pipeline.audio.metrics.score import MetricScore
from musqa_pipeline.core.settings.per_catalog import LISTENERS
from musqa_pipeline.stages.degradations.unit_names import excerpt_id_of
from musqa_pipeline.stages.engine.context import Context
from musqa_pipeline.stages.engine.stage import Maker, Unit
from musqa_pipeline.stages.excerpts.references import read_reference
from musqa_pipeline.stages.labels.listeners import list_rated, rated_row
from musqa_pipeline.stages.labels.table import LABELS, quality_of

ROWS_AT_ONCE = 16
"""Decoded together; 2 MB each."""


def list_units(context: Context) -> list[Unit]:
    """List one unit per finished unit of `degradations`; of listeners, one per rated excerpt."""
    counts = context.lake.row_counts(context.partition("degradations"))
    names = {unit_id: excerpt_id_of(unit_id) for unit_id, rows in counts.items() if rows}
    if context.preset.labels.metric == LISTENERS:
        return list_rated(context, list(names))
    return [Unit(unit_id, name, {"excerpt_id": name}) for unit_id, name in names.items()]


def make_unit(context: Context, unit: Unit) -> pa.Table:
    """Score all degraded excerpts of one reference; identical ones once.

    Raises UnfitInputError if the metric refuses an excerpt.
    """
    if "mos" in unit.plan:
        return rated_row(unit)
    excerpt_id = unit.plan["excerpt_id"]
    reference = read_reference(context, excerpt_id)
    settings = context.preset.labels
    metric = open_metric(reference, metric=settings.metric, device=settings.device)
    table = context.lake.read(
        context.partition("degradations"),
        unit.unit_id,
        ["degraded_id", "identical_to", *AUDIO_COLUMNS],
    )
    scores: dict[str, MetricScore] = {}
    for batch in table.filter(table["identical_to"].is_null()).to_batches(ROWS_AT_ONCE):
        rows = batch.to_pylist()
        batch_scores = metric.score_batch(degraded_audio(rows))
        scores |= zip((row["degraded_id"] for row in rows), batch_scores, strict=True)
    rows = []
    for same in table.select(["degraded_id", "identical_to"]).to_pylist():
        score = scores[same["identical_to"] or same["degraded_id"]]
        rows.append(
            {
                "degraded_id": same["degraded_id"],
                "excerpt_id": excerpt_id,
                "metric": metric.version,
                "mos": score.mos,
                "quality": quality_of(score.mos),
                "vnsim": score.vnsim,
                "fvnsim": score.fvnsim.tolist(),
                "lag_samples": score.lag_samples,
            }
        )
    return LABELS.from_rows(rows)


LABELS_MAKER = Maker(
    version=2,
    tools=("numba", "numpy", "pyfftw", "scipy", "visqol-python"),
    units=list_units,
    make=make_unit,
)
