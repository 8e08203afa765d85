"""The lake: units of stages as Parquet files that are either whole or absent.

A unit is done if its file is there and its footer carries the current fingerprint. The store puts
files whole, so that a kill at any moment costs the units in flight and nothing else.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from contextlib import AbstractContextManager, suppress
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from musqa_pipeline.core.errors import LakeError
from musqa_pipeline.core.home import Home
from musqa_pipeline.storage.fragments import parquet
from musqa_pipeline.storage.fragments.partition import (
    DAMAGED,
    EMPTY_CATALOG,
    FINGERPRINT_KEY,
    LAKE,
    RECORDS,
    RETIRED,
    SUFFIX,
    Partition,
)
from musqa_pipeline.storage.lake import reading
from musqa_pipeline.storage.lake.reading import all_units
from musqa_pipeline.storage.packs.manifest import read_manifest
from musqa_pipeline.storage.packs.unpacking import retire_units, take_out
from musqa_pipeline.storage.stores.opening import open_store
from musqa_pipeline.storage.stores.store import Held, Source, WorkFolder

SCHEMA_UNIT = "schema"
"""The zero-row file that keeps a view valid."""


class Lake:
    """Parquet units below one home, `MUSQA_HOME`, which is made on the first write.

    With a mapping for `known`, single units are read by manifests that are kept there.
    """

    def __init__(self, home: Home, known: reading.Known | None = None) -> None:
        self.store, self._known = open_store(home), known

    @property
    def root(self) -> Path:
        """The home of a lake on a disk."""
        if not isinstance(self.store.home, Path):
            raise LakeError(f"{self.store.home} is no folder; this works on a lake on a disk")
        return self.store.home

    def folder(self, partition: Partition) -> Path:
        """Return the folder that holds a partition's units (it may not exist yet), on a disk."""
        return self.root / partition.folder_key

    def path(self, partition: Partition, unit_id: str) -> Path:
        """Return the path of a unit's file (it may not exist yet), on a disk."""
        return self.root / self._key(partition, unit_id)

    def done(self, partition: Partition) -> list[str]:
        """List the units whose footer has the partition's fingerprint, sorted; none is damaged."""
        return list(self.row_counts(partition))

    def row_counts(self, partition: Partition) -> dict[str, int]:
        """Return how many rows each unit that `done` lists has, from its footer alone, sorted."""
        return dict(sorted(reading.current_units(self.store, partition).items()))

    def missing(self, partition: Partition, unit_ids: Iterable[str]) -> list[str]:
        """List those of `unit_ids` that are not done yet, in the order given."""
        asked = list(unit_ids)
        there = reading.current_units(self.store, partition, asked)
        return [unit for unit in asked if unit not in there]

    def write(
        self,
        partition: Partition,
        unit_id: str,
        table: pa.Table,
        *,
        folder: str | None = None,
        metadata: Mapping[str, str] | None = None,
        row_group_rows: int | None = None,
        compression: str = "zstd",
    ) -> Home:
        """Write a unit whole: after this call it is done, at any earlier moment it is not there.

        Raises LakeError if the disk is full, read-only or not permitted; nothing is left
        half-written.
        """
        footer = {
            **(table.schema.metadata or {}),
            **{k.encode(): v.encode() for k, v in (metadata or {}).items()},
            FINGERPRINT_KEY: partition.fingerprint.encode(),
        }
        key = f"{folder or self.make_room(partition, [unit_id])}/{unit_id}{SUFFIX}"
        parquet.write_fragment(
            *(self.store, key, table.replace_schema_metadata(footer)),
            row_group_rows=row_group_rows,
            compression=compression,
            twice=partition.stage in RECORDS,
        )
        return self.store.home / key

    def make_room(self, partition: Partition, unit_ids: Collection[str]) -> str:
        """Take units that are to be written out of the packs: none is ever there twice.

        Returns the key of the folder for their files, for as long as the partition's lock is held.
        """
        return take_out(self.store, partition, unit_ids).loose_folder(partition)

    def read(
        self, partition: Partition, unit_id: str, columns: list[str] | None = None
    ) -> pa.Table:
        """Read one unit.

        Raises LakeError if it is not there or damaged.
        """
        return reading.read_unit(self.store, partition, unit_id, columns, self._known)

    def opened(self, partition: Partition, unit_id: str) -> AbstractContextManager[Source]:
        """Open a unit for pyarrow, to read parts of it; see `fragments.opened`."""
        return reading.opened_unit(self.store, partition, unit_id, self._known)

    def local_file(self, partition: Partition, unit_id: str) -> Path:
        """Return a path of this machine with a unit's file, for who reads it again and again."""
        return self.store.local_file(self._key(partition, unit_id))

    def work_folder(self, partition: Partition, name: str) -> AbstractContextManager[WorkFolder]:
        """Give a folder beside a partition's units that no view looks into, to write files to."""
        return self.store.work_folder(f"{partition.folder_key}/{name}")

    def local_folder(self, partition: Partition, name: str) -> Path:
        """Return a path of this machine with what a `work_folder` holds, to be read only."""
        return self.store.local_folder(f"{partition.folder_key}/{name}")

    def scan(
        self,
        partition: Partition,
        schema: pa.Schema,
        *,
        columns: list[str] | None = None,
        units: Iterable[str] | None = None,
    ) -> pa.Table:
        """Read the finished units of a partition as one table, in the order of their ids."""
        wanted = schema if columns is None else pa.schema([schema.field(c) for c in columns])
        chosen = self.done(partition) if units is None else sorted(units)
        return reading.scan_units(self.store, partition, chosen, wanted)

    def retire(self, partition: Partition, keep: Iterable[str]) -> list[str]:
        """Move units that are no longer wanted out of the views' sight, losing nothing."""
        others = set(reading.all_units(self.store, partition)) - set(keep)
        gone = sorted(reading.current_units(self.store, partition, others)) if others else []
        retire_units(self.store, partition, gone)
        return gone

    def discard(self, partition: Partition, unit_id: str) -> None:
        """Delete a unit that is no longer true, if it is there."""
        take_out(self.store, partition, [unit_id])
        self.store.delete(self._key(partition, unit_id))

    def sweep(self, partition: Partition) -> None:
        """Delete temporary files that a kill left; call it with the partition's lock held."""
        self.store.sweep(read_manifest(self.store, partition).loose_folder(partition))

    def keep_readable(self, partition: Partition, schema: pa.Schema) -> None:
        """Write the zero-row file that lets a view exist, again if the table got columns since."""
        at = partition if partition.catalog is None else replace(partition, catalog=EMPTY_CATALOG)
        self.store.sweep(at.folder_key, only_dead=True)
        key = self._key(at, SCHEMA_UNIT)
        if self.store.exists(key):
            # A damaged one is written again.
            with suppress(LakeError), parquet.opened(self.store, key) as source:
                if pq.read_schema(source).names == schema.names:
                    return
        parquet.write_fragment(self.store, key, schema.remove_metadata().empty_table())

    def glob(self, partition: Partition) -> list[str]:
        """List the globs and files that DuckDB reads of a partition, in all catalogs."""
        return reading.view_sources(self.store, partition)

    def token_file(self, name: str) -> Home:
        """Return the file by which machines of a run know that they share a lake."""
        return self.store.home / f"locks/{name}.token"

    def lock(self, name: str, *, wait: bool = True) -> AbstractContextManager[Held]:
        """Return the exclusive lock `name`; without `wait` a holder raises `LakeError` at once."""
        return self.store.lock(name, wait=wait)

    def _key(self, partition: Partition, unit_id: str) -> str:
        return read_manifest(self.store, partition).loose_key(partition, unit_id)


def partitions(lake: Lake, stage: str | None = None, *, empty: bool = False) -> list[Partition]:
    """List the partitions that have a folder, of all settings."""
    store, found = lake.store, []
    names = store.folders(LAKE) if stage is None else [stage]
    for name in names:
        if name in {RETIRED, DAMAGED}:
            continue
        for place in store.folders(f"{LAKE}/{name}"):
            kind, _, short = place.partition("=")
            if kind == "run":
                found.append(Partition(name, short))
            elif kind == "settings":
                catalogs = store.folders(f"{LAKE}/{name}/{place}")
                found += [Partition(name, short, c.removeprefix("catalog=")) for c in catalogs]
    return [partition for partition in found if empty or partition.catalog != EMPTY_CATALOG]


def restore_units(lake: Lake, partition: Partition, wanted: Iterable[str]) -> list[str]:
    """Take units back whose input came back after they were retired."""
    there = {file.stem for file in lake.store.files(partition.retired_key)}
    manifest = read_manifest(lake.store, partition)
    back = []
    for unit in [unit for unit in wanted if unit in there]:
        if _is_whole(lake, partition, unit):
            refused = partition.quarantine
            if _is_whole(lake, refused, unit):  # first: a kill in between redoes the unit
                lake.store.move(refused.retired(unit), refused.key(unit))
            lake.store.move(partition.retired(unit), manifest.loose_key(partition, unit))
            back.append(unit)
    return back


def retire_all(lake: Lake, partition: Partition) -> int:
    """Move whatever lies on a partition out of sight, whole or damaged."""
    units = all_units(lake.store, partition)
    retire_units(lake.store, partition, units)
    return len(units)


def _is_whole(lake: Lake, partition: Partition, unit: str) -> bool:
    return parquet.is_current(lake.store, partition.retired(unit), partition.fingerprint)
