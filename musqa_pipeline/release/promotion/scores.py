"""What a model says of the frozen rows: said once, then kept.

Images are kept too: copied from the shards where the rows lie there unchanged, else made again
from the frozen bitstreams. So a model of any year meets the images that it knows.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl
import pyarrow as pa

from musqa_pipeline.audio.degradations.rebuild import degraded_audio
from musqa_pipeline.core.errors import StageError
from musqa_pipeline.release.promotion.candidate import (
    MAKERS,
    Candidate,
    context_of_images,
    images_name,
    load_candidate,
    recipe_of_stage,
)
from musqa_pipeline.release.promotion.frozen import read_frozen, set_name, units_of_set, write_rows
from musqa_pipeline.stages.degradations.sources import in_chunks
from musqa_pipeline.stages.engine.context import Context
from musqa_pipeline.stages.engine.records import record_partition
from musqa_pipeline.stages.spectrograms.features.rows import KEYS, POINTS
from musqa_pipeline.stages.spectrograms.row_shards import ROWS_PER_DECODE, shard_files
from musqa_pipeline.stages.views.promotions_table import FROZEN_IMAGES, FROZEN_SCORES

if TYPE_CHECKING:
    from musqa_pipeline.learning.data.shards import ImageShards

_PART = "test"
_BATCH_ROWS = 32
Key = tuple[str, str]


def score_frozen(
    context: Context, candidate: Candidate, numbers: Iterable[int], current: pl.DataFrame
) -> pl.DataFrame:
    """Let a model predict the frozen rows, unless it has before."""
    partition = record_partition("frozen_scores", context.preset.name)
    done, found = set(context.lake.done(partition)), []
    for number in numbers:
        unit = f"{candidate.weights}-{set_name(number)}"
        if unit not in done:
            rows = read_frozen(context, [number])
            shards = _shards(_image_files(context, candidate.images, number, rows, current), rows)
            predicted = _predicted(context, candidate, shards, rows)
            context.lake.write(partition, unit, predicted.to_arrow().cast(FROZEN_SCORES.schema))
        found.append(pl.DataFrame(context.lake.read(partition, unit)))
    return pl.concat(found)


def score_current(
    context: Context, candidate: Candidate, rows: pl.DataFrame
) -> pl.DataFrame | None:
    """Let a model predict rows of the present test part."""
    stage = candidate.images["stage"]
    if rows.is_empty() or recipe_of_stage(context, stage) != candidate.images:
        return None
    return _predicted(context, candidate, _shards(shard_files(context, stage), rows), rows)


def _shards(files: Iterable[Path], rows: pl.DataFrame) -> ImageShards:
    from musqa_pipeline.learning.data.shards import ImageShards

    keys = set(rows.select(KEYS).rows())
    return ImageShards(files, "chosen", keys=keys, memory_limit_bytes=0)


def _predicted(
    context: Context, candidate: Candidate, shards: ImageShards, rows: pl.DataFrame
) -> pl.DataFrame:
    from musqa_pipeline.learning.predict import predict_rows

    if shards.n_rows != rows.height:
        raise StageError(
            f"promotion: {rows.height - shards.n_rows} of {rows.height} rows have no image; run "
            "the stages dataset and spectrograms again"
        )
    keys = rows.select(KEYS).rows()
    network = {"model": load_candidate(candidate, context.preset.models.device)}
    quality = predict_rows(network, shards, keys, batch_size=_BATCH_ROWS)["model"]
    return rows.select(KEYS).with_columns(predicted=pl.Series(quality * POINTS))


def _image_files(
    context: Context,
    recipe: Mapping[str, Any],
    number: int,
    rows: pl.DataFrame,
    current: pl.DataFrame,
) -> list[Path]:
    """List the files of a set's images, made first if they are not all there."""
    name, partition = images_name(recipe), record_partition("frozen_images", context.preset.name)
    units = units_of_set(context, "frozen_images", number, of=name)
    there = context.lake.scan(partition, FROZEN_IMAGES.schema, columns=["degraded_id"], units=units)
    if there.num_rows != rows.height:
        for unit in units:
            context.lake.discard(partition, unit)
        unchanged = rows.join(current, on=[*KEYS, "pcm_hash"], how="semi")
        tables = _images(context, recipe, number, rows, unchanged)
        for index, table in enumerate(tables, start=len(units)):
            unit = f"{name}-{set_name(number)}-{index:04d}"
            write_rows(context, "frozen_images", unit, table)
        units = units_of_set(context, "frozen_images", number, of=name)
    return [context.lake.local_file(partition, unit) for unit in units]


def _images(
    context: Context,
    recipe: Mapping[str, Any],
    number: int,
    rows: pl.DataFrame,
    unchanged: pl.DataFrame,
) -> Iterator[pa.Table]:
    absent: set[Key] = set(rows.select(KEYS).rows())
    for table in _stored(context, recipe, set(unchanged.select(KEYS).rows())):
        absent.difference_update(_keys(table))
        yield table
    yield from _rebuilt(context, recipe, number, absent)


def _stored(context: Context, recipe: Mapping[str, Any], wanted: set[Key]) -> Iterator[pa.Table]:
    """Copy images from the shards of the test part, if they are of that recipe."""
    stage = recipe["stage"]
    if not wanted or recipe_of_stage(context, stage) != recipe:
        return
    partition = context.joint_partition(stage)
    for unit in context.lake.done(partition):
        if unit.startswith(f"{_PART}-"):
            table = context.lake.read(partition, unit, FROZEN_IMAGES.schema.names)
            chosen = table.filter(pa.array([key in wanted for key in _keys(table)], pa.bool_()))
            if chosen.num_rows:
                yield chosen.cast(FROZEN_IMAGES.schema)


def _rebuilt(
    context: Context, recipe: Mapping[str, Any], number: int, wanted: set[Key]
) -> Iterator[pa.Table]:
    """Make images of frozen bitstreams."""
    if not wanted:
        return
    _, image_row = MAKERS[recipe["stage"]]
    place = context_of_images(context, recipe)
    partition = record_partition("frozen", context.preset.name)
    for unit in units_of_set(context, "frozen", number):
        rows = [
            row
            for row in context.lake.read(partition, unit).to_pylist()
            if (row["catalog"], row["degraded_id"]) in wanted
        ]
        made = [
            image_row({**row, "part": _PART}, samples, place)
            for chunk in in_chunks(iter(rows), ROWS_PER_DECODE)
            for row, samples in zip(chunk, degraded_audio(chunk), strict=True)
        ]
        if made:
            names = FROZEN_IMAGES.schema.names
            yield FROZEN_IMAGES.from_rows({name: row[name] for name in names} for row in made)


def _keys(table: pa.Table) -> list[Key]:
    return list(zip(table["catalog"].to_pylist(), table["degraded_id"].to_pylist(), strict=True))
