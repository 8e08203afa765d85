"""Rows of other presets of the same home that a release trains on too.

A question that a dataset asks too seldom (what does a cut at 17 kHz cost?) can be asked more often
without making all of it again: by a preset that makes such rows of the same references, and
``[release] further``. Such rows train and are never predicted, so that what is measured stays.
"""

from __future__ import annotations

import dataclasses

import polars as pl

from musqa_pipeline.core.errors import SettingsError, StageError
from musqa_pipeline.learning.registry import find_model
from musqa_pipeline.stages.dataset.inputs import read_labelled_rows
from musqa_pipeline.stages.dataset.report import read_dataset
from musqa_pipeline.stages.engine.context import Context
from musqa_pipeline.stages.models.recipes import recipe_of
from musqa_pipeline.stages.spectrograms.features.rows import KEYS, describe_rows
from musqa_pipeline.stages.views.duck import read_published

_NEEDED = ("tracks", "excerpts", "degradations", "labels", "dataset")


def further_contexts(context: Context) -> list[Context]:
    """Return where the further rows of a release lie."""
    settings = context.preset.release
    if not settings.further:
        return []
    if recipe_of(settings.network, context.preset.models).train_rows == "uniform_draw":
        raise SettingsError(
            f"[release] further={list(settings.further)} with [models.recipes.{settings.network}] "
            'train_rows="uniform_draw": further rows are in no draw; set train_rows to "every" or '
            '"trusted"'
        )
    images = find_model(settings.network).input.stage
    presets = read_published(context.home)["presets"]
    found = []
    for name in settings.further:
        entry = presets.get(name, {"catalogs": [], "stages": {}})
        absent = [stage for stage in (*_NEEDED, images) if stage not in entry["stages"]]
        if absent:
            raise StageError(
                f"release: [release] further names {name!r}, which has published no "
                f"{absent[0]} in {context.home}; run `musqa run` with that preset first"
            )
        preset = dataclasses.replace(context.preset, name=name, catalogs=tuple(entry["catalogs"]))
        found.append(Context(context.home, preset, None, entry["stages"]))
    return found


def further_rows(context: Context, rows: pl.DataFrame) -> pl.DataFrame:
    """Read the further rows that may train."""
    whose = rows.filter(pl.col("allowed") & (pl.col("part") != "test")).select(
        *("catalog", "track_id", "part", "split_group", "licence"),
        *("file", "title", "artist", "allowed"),
    )
    whose = whose.unique(["catalog", "track_id"], maintain_order=True)
    parts: list[pl.DataFrame] = []
    for other in further_contexts(context):
        described = describe_rows(read_labelled_rows(other), read_dataset(other))
        taken = (
            described.drop("part", "split_group")
            .join(whose, on=["catalog", "track_id"], how="inner", maintain_order="left")
            .with_columns(
                uniform_draw=pl.lit(False),
                natural_mix=pl.lit(False),
                further=pl.lit(other.preset.name),
            )
        )
        _check(other, taken, pl.concat([rows.select(KEYS), *(p.select(KEYS) for p in parts)]))
        kept = [name for name in rows.columns if name in taken.columns]
        parts.append(taken.select(*kept, "further"))
    return pl.concat(parts) if parts else rows.head(0)


def _check(other: Context, taken: pl.DataFrame, known: pl.DataFrame) -> None:
    name = other.preset.name
    twice = taken.join(known, on=KEYS, how="semi")
    if twice.height:
        raise StageError(
            f"release: {twice.height} rows of preset {name!r} are called as others are, such as "
            f"{twice['degraded_id'][0]}; give its [degradations] another random_first, and leave "
            "out the singles, the cascades and the reference that the release has"
        )
    images = find_model(other.preset.release.network).input.stage
    partition, lake = other.joint_partition(images), other.lake
    there = [pl.DataFrame(lake.read(partition, unit, KEYS)) for unit in lake.done(partition)]
    without = taken.join(pl.concat(there), on=KEYS, how="anti") if there else taken
    if without.height:
        raise StageError(
            f"release: {without.height} of {taken.height} rows of preset {name!r} have no image; "
            "run `musqa run` with that preset again"
        )
