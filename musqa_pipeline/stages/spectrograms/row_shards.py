"""Shards of images of the chosen rows, made for shuffled reading; whatever the images show.

A shard holds rows of one part only, in an order that chance decided once (by a hash of the row),
so that even a reader who takes shards as they come sees mixed references, codecs and qualities.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from musqa_pipeline.audio.constants import SAMPLE_RATE_HZ
from musqa_pipeline.audio.degradations.rebuild import degraded_audio
from musqa_pipeline.audio.measures.bandwidth import upper_edge_hz
from musqa_pipeline.core.errors import StageError, UnfitInputError
from musqa_pipeline.core.seeds import derive_seed
from musqa_pipeline.core.tables import Table
from musqa_pipeline.stages.dataset.table import DATASET
from musqa_pipeline.stages.degradations.sources import Key, add_units, in_chunks, read_bitstreams
from musqa_pipeline.stages.engine.context import Context
from musqa_pipeline.stages.engine.stage import Unit

ROWS_PER_DECODE = 16
"""Bitstreams decoded together; they share ffmpeg processes and take 2 MB each."""
PLAN_COLUMNS = (
    "degraded_id", "excerpt_id", "catalog", "part", "uniform_draw", "natural_mix", "trusted",
    "mos", "quality",
)  # fmt: skip
"""Columns of `dataset` that a row keeps."""
ImageRow = Callable[[Mapping[str, Any], NDArray[np.float32], Context], dict[str, Any]]
"""Builds a row from `PLAN_COLUMNS`, the degraded excerpt (48 kHz, at its loudness), the context."""


def dataset_rows(context: Context) -> list[dict[str, Any]]:
    """Read the rows of `dataset` that get an image.

    Raises StageError if `dataset` has not been made or has no rows.
    """
    partition = context.joint_partition("dataset")
    if "dataset" not in context.lake.done(partition):
        raise StageError("images: there is no dataset yet; run the stage dataset first")
    rows = context.lake.read(partition, DATASET.name, list(PLAN_COLUMNS)).to_pylist()
    if not rows:
        raise StageError(
            "images: dataset has no rows; add a catalog with labelled excerpts, or look at "
            "`musqa status` for the stage that stopped"
        )
    return rows


def list_shards(context: Context) -> list[Unit]:
    """List the shards: part by part, rows in the order of a hash."""
    rows = dataset_rows(context)
    add_units(context, rows)
    shards = []
    for part in sorted({row["part"] for row in rows}):
        mixed = sorted((row for row in rows if row["part"] == part), key=_shuffled)
        size = context.preset.spectrograms.rows_per_shard
        for index, chunk in enumerate(in_chunks(iter(mixed), size)):
            shards.append(Unit(f"{part}-{index:05d}", f"{part} shard {index}", {"rows": chunk}))
    return shards


def make_shard(context: Context, unit: Unit, table: Table, image_row: ImageRow) -> pa.Table:
    """Make the images of one shard."""
    rows = unit.plan["rows"]
    plan = {_key(row): row for row in rows}
    images: dict[Key, dict[str, Any]] = {}
    for chunk in in_chunks(read_bitstreams(context, rows), ROWS_PER_DECODE):
        signals = degraded_audio(bitstream for _, bitstream in chunk)
        for (key, _), samples in zip(chunk, signals, strict=True):
            try:
                images[key] = image_row(plan[key], samples, context)
            except UnfitInputError as error:
                # Audio of our own making: a fault of the pipeline, not of anybody's file.
                raise StageError(
                    f"{table.name}: {key[1]} of catalog {key[0]} decodes to audio that cannot be "
                    f"an image ({error}); delete its file in degradations and run again"
                ) from error
    return table.from_rows(images[_key(row)] for row in rows)


def image_columns(
    row: Mapping[str, Any], samples: NDArray[np.float32], cells: NDArray[np.generic]
) -> dict[str, Any]:
    """Return what every kind of image says of its row, its cells and its audio."""
    n_frames, n_bands = cells.shape
    return {
        **{name: row[name] for name in PLAN_COLUMNS},
        "n_frames": n_frames,
        "n_bands": n_bands,
        "dtype": cells.dtype.name,
        "image": cells.tobytes(),
        "upper_edge_hz": upper_edge_hz(samples, SAMPLE_RATE_HZ),
    }


def shard_files(context: Context, stage: str = "spectrograms") -> list[Path]:
    """List the files of the finished shards, for `ImageShards`."""
    partition = context.joint_partition(stage)
    return [context.lake.local_file(partition, unit) for unit in context.lake.done(partition)]


def shard_sizes(context: Context) -> dict[str, int]:
    """Return how rows are divided, for the fingerprint of a stage with no such settings itself."""
    settings = context.preset.spectrograms
    return {"rows_per_group": settings.rows_per_group, "rows_per_shard": settings.rows_per_shard}


def rows_per_group(context: Context) -> int:
    """Return how many rows a Parquet row group of a shard holds."""
    return context.preset.spectrograms.rows_per_group


def _shuffled(row: Mapping[str, Any]) -> int:
    """Sort key that mixes the rows of a part, the same whatever order `dataset` has."""
    return derive_seed("spectrograms.order", row["catalog"], row["degraded_id"])


def _key(row: Mapping[str, Any]) -> Key:
    return row["catalog"], row["degraded_id"]
