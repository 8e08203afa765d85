"""Where a shard's audio comes from: the bitstreams of its rows, out of many reference files.

A shard's rows come from nearly as many references as it has rows, and a reference's file holds
tens of megabytes. So each file is opened once a shard, and only the row groups that hold a wanted
row are read from it.
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, TypeVar

import pyarrow as pa
import pyarrow.compute as pc

from musqa_pipeline.audio.degradations.rebuild import AUDIO_COLUMNS
from musqa_pipeline.core.errors import StageError
from musqa_pipeline.stages.degradations.unit_names import excerpt_id_of
from musqa_pipeline.stages.engine.context import Context
from musqa_pipeline.storage.fragments.byte_digest import parquet_file

T = TypeVar("T")
Key = tuple[str, str]
"""(catalog, degraded_id): what names a row in the lake; an id alone is unique in its catalog."""


def units_by_excerpt(context: Context, catalog: str) -> dict[str, tuple[str, ...]]:
    """Find the finished units of `degradations` that belong to each reference."""
    found: dict[str, tuple[str, ...]] = defaultdict(tuple)
    for unit_id in context.lake.done(context.partition("degradations", catalog)):
        found[excerpt_id_of(unit_id)] += (unit_id,)
    return dict(found)


def add_units(context: Context, rows: Iterable[dict[str, Any]]) -> None:
    """Add to each row the `units` of `degradations` that may hold it."""
    units_of: dict[str, dict[str, tuple[str, ...]]] = {}
    for row in rows:
        catalog = row["catalog"]
        if catalog not in units_of:
            units_of[catalog] = units_by_excerpt(context, catalog)
        row["units"] = units_of[catalog].get(row["excerpt_id"], ())


def in_chunks(items: Iterator[T], size: int) -> Iterator[list[T]]:
    """Yield lists of `size` items; the last may be shorter."""
    while chunk := list(itertools.islice(items, size)):
        yield chunk


def read_bitstreams(
    context: Context, rows: Iterable[Mapping[str, Any]]
) -> Iterator[tuple[Key, dict[str, Any]]]:
    """Read what `degraded_audio` needs for some rows, file by file.

    Raises StageError if a row is in none of its units.
    """

    def by_file(row: Mapping[str, Any]) -> tuple[str, str]:
        return row["catalog"], row["excerpt_id"]

    for (catalog, excerpt_id), of_excerpt in itertools.groupby(sorted(rows, key=by_file), by_file):
        wanted = {row["degraded_id"]: row["units"] for row in of_excerpt}
        units = sorted({unit for units in wanted.values() for unit in units})
        for unit in units:
            if not wanted:  # the other units are of other rounds
                break
            for row in _read_rows(context, catalog, unit, list(wanted)).to_pylist():
                degraded_id = row.pop("degraded_id")
                if wanted.pop(degraded_id, None) is not None:
                    yield (catalog, degraded_id), row
        if wanted:
            raise StageError(
                f"catalog {catalog}, reference {excerpt_id}: no bitstream of "
                f"{', '.join(sorted(wanted))} in the units {units or 'none'}; run the stages "
                "degradations, labels and dataset of this catalog again"
            )


def _read_rows(context: Context, catalog: str, unit: str, degraded_ids: list[str]) -> pa.Table:
    """Read the wanted rows of one file, touching only the row groups that hold them."""
    partition = context.partition("degradations", catalog)
    with context.lake.opened(partition, unit) as source, parquet_file(source) as file:
        ids = file.read(columns=["degraded_id"])["degraded_id"]
        hits = pc.is_in(ids, value_set=pa.array(degraded_ids, pa.string()))
        groups, first = [], 0
        for group in range(file.num_row_groups):
            n_rows = file.metadata.row_group(group).num_rows
            if pc.any(hits.slice(first, n_rows)).as_py():
                groups.append(group)
            first += n_rows
        table = file.read_row_groups(groups, columns=["degraded_id", *AUDIO_COLUMNS])
    return table.filter(pc.is_in(table["degraded_id"], value_set=pa.array(degraded_ids)))
