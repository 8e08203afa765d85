"""The stage `opinions`: one unit per reference among the chosen rows, a row per row and metric.

Its table is for people, and for networks with several teachers: switching it on, or changing it,
makes no other stage again, and of trainings those networks' alone.
"""

from __future__ import annotations

import itertools
from typing import Any

import pyarrow as pa

from musqa_pipeline.audio.degradations.rebuild import degraded_audio
from musqa_pipeline.audio.metrics.registry import find_opinion
from musqa_pipeline.core.errors import StageError
from musqa_pipeline.core.settings.dataset import OpinionsSettings
from musqa_pipeline.core.settings.preset import Preset
from musqa_pipeline.stages.dataset.second_metric.table import OPINIONS
from musqa_pipeline.stages.dataset.stage import DATASET_UNIT
from musqa_pipeline.stages.degradations.sources import add_units, in_chunks, read_bitstreams
from musqa_pipeline.stages.engine.context import Context
from musqa_pipeline.stages.engine.stage import Maker, Unit
from musqa_pipeline.stages.excerpts.references import read_reference

ROWS_AT_ONCE = 16
"""Decoded together; 2 MB each."""
ROW_COLUMNS = ("catalog", "excerpt_id", "degraded_id", "mos")


def wants_opinions(preset: Preset) -> bool:
    """Tell whether a preset asks for a second opinion."""
    names = asked_metrics(preset.opinions)
    for name in names:
        find_opinion(name).require()
    return bool(names)


def asked_metrics(settings: OpinionsSettings) -> tuple[str, ...]:
    """Return the metrics that are asked, each once."""
    first = () if settings.metric == "none" else (settings.metric,)
    return tuple(dict.fromkeys((*first, *settings.metrics)))


def list_units(context: Context) -> list[Unit]:
    """List one unit per reference that has a chosen row."""
    if not wants_opinions(context.preset):
        return []
    partition = context.joint_partition("dataset")
    if DATASET_UNIT not in context.lake.done(partition):
        raise StageError("opinions: there is no dataset yet; run the stage dataset first")
    rows = context.lake.read(partition, DATASET_UNIT, list(ROW_COLUMNS)).to_pylist()
    add_units(context, rows)
    units = []
    rows.sort(key=lambda row: (row["catalog"], row["excerpt_id"], row["degraded_id"]))
    for (catalog, excerpt_id), group in itertools.groupby(rows, _reference_of):
        plan = {"catalog": catalog, "excerpt_id": excerpt_id, "rows": list(group)}
        units.append(Unit(f"{catalog}.{excerpt_id}", f"{catalog} {excerpt_id}", plan))
    return units


def make_unit(context: Context, unit: Unit) -> pa.Table:
    """Judge the chosen rows of one reference.

    Raises StageError if a row's bitstream is not in the lake; UnfitInputError if the metric refuses
    the reference.
    """
    excerpt_id = unit.plan["excerpt_id"]
    reference = read_reference(context, excerpt_id, unit.plan["catalog"])
    metrics = [find_opinion(name)(reference) for name in asked_metrics(context.preset.opinions)]
    mos_of = {row["degraded_id"]: row["mos"] for row in unit.plan["rows"]}
    rows = []
    for chunk in in_chunks(read_bitstreams(context, unit.plan["rows"]), ROWS_AT_ONCE):
        degraded = degraded_audio(row for _, row in chunk)
        for ((catalog, degraded_id), _), samples in zip(chunk, degraded, strict=True):
            about = {"degraded_id": degraded_id, "excerpt_id": excerpt_id, "catalog": catalog}
            for metric in metrics:
                second, mos = metric.score(samples), mos_of[degraded_id]
                said = {
                    "metric": metric.version,
                    "mos": mos,
                    "second_mos": second.mos,
                    "second_distance": second.distance,
                    "disagreement": second.mos - mos,
                }
                rows.append(about | said)
    return OPINIONS.from_rows(sorted(rows, key=lambda row: (row["degraded_id"], row["metric"])))


def _reference_of(row: dict[str, Any]) -> tuple[str, str]:
    return row["catalog"], row["excerpt_id"]


OPINIONS_MAKER = Maker(
    version=1,
    tools=("numpy", "zimtohrli"),
    units=list_units,
    make=make_unit,
)
