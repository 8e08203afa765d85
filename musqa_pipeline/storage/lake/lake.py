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
    EMPTY_CATALOG,
    FINGERPRINT_KEY,
    RECORDS,
    SUFFIX,
    Shelf,
)
from musqa_pipeline.storage.lake import reading
from musqa_pipeline.storage.lake.current import current_units
from musqa_pipeline.storage.packs.manifest import read_manifest
from musqa_pipeline.storage.packs.unpacking import retire_units, take_out
from musqa_pipeline.storage.stores.opening import open_store
from musqa_pipeline.storage.stores.store import Held, Source, WorkFolder


class Lake:
    """Parquet units below one home, `MUSQA_HOME`, which is made on the first write."""

    def __init__(self, home: Home) -> None:
        self.store = open_store(home)

    @property
    def root(self) -> Path:
        """The home of a lake on a disk.

        Raises
        ------
        LakeError
            If the lake is on object storage.
        """
        if not isinstance(self.store.home, Path):
            raise LakeError(f"{self.store.home} is no folder; this works on a lake on a disk")
        return self.store.home

    def folder(self, shelf: Shelf) -> Path:
        """Return the folder that holds a shelf's units (it may not exist yet), on a disk."""
        return self.root / shelf.folder_key

    def path(self, shelf: Shelf, unit_id: str) -> Path:
        """Return the path of a unit's file (it may not exist yet), on a disk."""
        return self.root / self._key(shelf, unit_id)

    def address(self, shelf: Shelf, unit_id: str) -> str:
        """Return what messages call a unit's file: its path or URL."""
        return self.store.address(self._key(shelf, unit_id))

    def done(self, shelf: Shelf) -> list[str]:
        """List the units whose footer carries the shelf's fingerprint, sorted; none is damaged."""
        return list(self.row_counts(shelf))

    def row_counts(self, shelf: Shelf) -> dict[str, int]:
        """Return how many rows each unit that `done` lists has, from its footer alone, sorted."""
        return dict(sorted(current_units(self.store, shelf).items()))

    def missing(self, shelf: Shelf, unit_ids: Iterable[str]) -> list[str]:
        """List those of `unit_ids` that are not done yet, in the order given."""
        asked = list(unit_ids)
        there = current_units(self.store, shelf, asked)
        return [unit for unit in asked if unit not in there]

    def write(
        self,
        shelf: Shelf,
        unit_id: str,
        table: pa.Table,
        *,
        folder: str | None = None,
        metadata: Mapping[str, str] | None = None,
        row_group_rows: int | None = None,
        compression: str = "zstd",
    ) -> Home:
        """Write a unit whole: after this call it is done, at any earlier moment it is not there.

        Raises
        ------
        LakeError
            If the disk is full, read-only or not permitted; nothing is left half-written.
        """
        footer = {
            **(table.schema.metadata or {}),
            **{k.encode(): v.encode() for k, v in (metadata or {}).items()},
            FINGERPRINT_KEY: shelf.fingerprint.encode(),
        }
        key = f"{folder or self.make_room(shelf, [unit_id])}/{unit_id}{SUFFIX}"
        parquet.write_fragment(
            *(self.store, key, table.replace_schema_metadata(footer)),
            row_group_rows=row_group_rows,
            compression=compression,
            twice=shelf.stage in RECORDS,
        )
        return self.store.home / key

    def make_room(self, shelf: Shelf, unit_ids: Collection[str]) -> str:
        """Take units that are to be written out of the packs: none is ever there twice.

        Returns the key of the folder for their files, for as long as the shelf's lock is held.
        """
        return take_out(self.store, shelf, unit_ids).loose_folder(shelf)

    def read(self, shelf: Shelf, unit_id: str, columns: list[str] | None = None) -> pa.Table:
        """Read one unit.

        Raises
        ------
        LakeError
            If it is not there or damaged.
        """
        return reading.read_unit(self.store, shelf, unit_id, columns)

    def opened(self, shelf: Shelf, unit_id: str) -> AbstractContextManager[Source]:
        """Open a unit for pyarrow, to read parts of it; see `fragments.opened`."""
        return reading.opened_unit(self.store, shelf, unit_id)

    def local_file(self, shelf: Shelf, unit_id: str) -> Path:
        """Return a path of this machine with a unit's file, for who reads it again and again."""
        return self.store.local_file(self._key(shelf, unit_id))

    def work_folder(self, shelf: Shelf, name: str) -> AbstractContextManager[WorkFolder]:
        """Give a folder beside a shelf's units that no view looks into, to write files to."""
        return self.store.work_folder(f"{shelf.folder_key}/{name}")

    def local_folder(self, shelf: Shelf, name: str) -> Path:
        """Return a path of this machine with what a `work_folder` holds, to be read only."""
        return self.store.local_folder(f"{shelf.folder_key}/{name}")

    def scan(
        self,
        shelf: Shelf,
        schema: pa.Schema,
        *,
        columns: list[str] | None = None,
        units: Iterable[str] | None = None,
    ) -> pa.Table:
        """Read the finished units of a shelf as one table, in the order of their ids."""
        wanted = schema if columns is None else pa.schema([schema.field(c) for c in columns])
        chosen = self.done(shelf) if units is None else sorted(units)
        return reading.scan_units(self.store, shelf, chosen, wanted)

    def retire(self, shelf: Shelf, keep: Iterable[str]) -> list[str]:
        """Move units that are no longer wanted out of the views' sight, losing nothing."""
        others = set(reading.all_units(self.store, shelf)) - set(keep)
        gone = sorted(current_units(self.store, shelf, others)) if others else []
        retire_units(self.store, shelf, gone)
        return gone

    def discard(self, shelf: Shelf, unit_id: str) -> None:
        """Delete a unit that is no longer true, if it is there."""
        take_out(self.store, shelf, [unit_id])
        self.store.delete(self._key(shelf, unit_id))

    def sweep(self, shelf: Shelf) -> None:
        """Delete temporary files that a kill left behind; call it with the shelf's lock held."""
        self.store.sweep(read_manifest(self.store, shelf).loose_folder(shelf))

    def keep_readable(self, shelf: Shelf, schema: pa.Schema) -> None:
        """Write the zero-row file that lets a view exist, again if the table got columns since."""
        at = shelf if shelf.catalog is None else replace(shelf, catalog=EMPTY_CATALOG)
        self.store.sweep(at.folder_key, only_dead=True)
        key = self._key(at, "schema")
        if self.store.exists(key):
            # A damaged one is written again.
            with suppress(LakeError), parquet.opened(self.store, key) as source:
                if pq.read_schema(source).names == schema.names:
                    return
        parquet.write_fragment(self.store, key, schema.remove_metadata().empty_table())

    def glob(self, shelf: Shelf) -> list[str]:
        """List the globs and files that DuckDB reads of a shelf, in all catalogs."""
        return reading.view_sources(self.store, shelf)

    def token_file(self, name: str) -> Home:
        """Return the file by which machines of a run know that they share a lake."""
        return self.store.home / f"locks/{name}.token"

    def lock(self, name: str, *, wait: bool = True) -> AbstractContextManager[Held]:
        """Return the exclusive lock `name`; without `wait` a holder raises `LakeError` at once."""
        return self.store.lock(name, wait=wait)

    def _key(self, shelf: Shelf, unit_id: str) -> str:
        return read_manifest(self.store, shelf).loose_key(shelf, unit_id)
