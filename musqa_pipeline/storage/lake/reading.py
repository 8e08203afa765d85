"""Reading units, in files of their own or in packs, and telling which of them are done.

A partition may be compacted while it is read; then a file is gone that was there, and what is
sought is found at its new place.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TypeAlias

import pyarrow as pa
import pyarrow.parquet as pq

from musqa_pipeline.core.errors import DamagedError
from musqa_pipeline.core.tables import with_later
from musqa_pipeline.storage.fragments import parquet
from musqa_pipeline.storage.fragments.partition import (
    EMPTY_CATALOG,
    FINGERPRINT_KEY,
    SUFFIX,
    Partition,
)
from musqa_pipeline.storage.lake.damaged import settled, taken_out
from musqa_pipeline.storage.packs.manifest import (
    MOVED,
    PACKED_STAGES,
    Manifest,
    Packed,
    find_packed,
    in_all_catalogs,
    loose_units,
    packed_units,
    read_manifest,
)
from musqa_pipeline.storage.packs.pack_files import packed_piece, read_packed
from musqa_pipeline.storage.stores.store import Source, Store, StoredFile

Known: TypeAlias = MutableMapping[Partition, Manifest]
"""Manifests that were read before; see `settled`."""
_Footer: TypeAlias = tuple[bytes | None, int]
"""Fingerprint and number of rows."""
_FOOTERS: dict[tuple[str, str], _Footer] = {}
"""By URL and version: an object of one version never changes."""


def read_unit(
    store: Store,
    partition: Partition,
    unit: str,
    columns: list[str] | None = None,
    known: Known | None = None,
) -> pa.Table:
    """Read one unit; see `Lake.read`."""

    def read(manifest: Manifest) -> pa.Table:
        place = find_packed(store, manifest, unit)
        if place is None:
            return parquet.read_fragment(store, manifest.loose_key(partition, unit), columns)
        ((_, table),) = read_packed(store, {unit: place}, columns)
        return table.replace_schema_metadata(place.metadata)

    return settled(store, partition, read, known)


@contextmanager
def opened_unit(
    store: Store, partition: Partition, unit: str, known: Known | None = None
) -> Iterator[Source]:
    """Open a unit for pyarrow as a file of its own; see `fragments.opened`."""
    try:
        with ExitStack() as stack:

            def enter(manifest: Manifest) -> Source:
                return stack.enter_context(_opened(store, partition, unit, manifest))

            yield settled(store, partition, enter, known)
    except DamagedError as error:
        taken_out(store, partition, read_manifest(store, partition), error)
        raise


@contextmanager
def _opened(store: Store, partition: Partition, unit: str, manifest: Manifest) -> Iterator[Source]:
    place = find_packed(store, manifest, unit)
    if place is None:
        with parquet.opened(store, manifest.loose_key(partition, unit)) as source:
            if isinstance(source, str):
                Path(source).stat()  # that it is gone has to show now
            yield source
    else:
        piece, sink = packed_piece(store, unit, place), pa.BufferOutputStream()
        table = piece.table.replace_schema_metadata(place.metadata)
        pq.write_table(table, sink, row_group_size=piece.group_rows, compression="none")
        yield pa.BufferReader(sink.getvalue())


def scan_units(
    store: Store, partition: Partition, units: Iterable[str], wanted: pa.Schema
) -> pa.Table:
    """Read some columns of units as one table, in the order of their ids; see `Lake.scan`."""
    chosen, plain = sorted(units), wanted.remove_metadata()

    def read(manifest: Manifest) -> pa.Table:
        packed = packed_units(store, partition, manifest) if manifest.packs else {}
        places = {unit: packed[unit] for unit in chosen if unit in packed}
        parts = dict(read_packed(store, places, wanted))
        for unit in chosen:
            if unit not in parts:
                key = manifest.loose_key(partition, unit)
                parts[unit] = parquet.read_wanted(store, key, wanted)
        tables = [plain.empty_table(), *(with_later(parts[unit], plain) for unit in chosen)]
        return pa.concat_tables(tables)

    return settled(store, partition, read)


def view_sources(store: Store, partition: Partition) -> list[str]:
    """List what DuckDB has to read to see all units of a partition."""
    if partition.stage not in PACKED_STAGES:
        return [store.address(partition.glob_key)]
    of_all = in_all_catalogs(store, partition)
    with ThreadPoolExecutor(store.n_readers) as threads:
        found = list(threads.map(lambda one: read_manifest(store, one), of_all))
    manifests = dict(zip(of_all, found, strict=True))
    if not any(manifest.version for manifest in manifests.values()):
        return [store.address(partition.glob_key)]  # new catalogs show at once
    sources, empty = [], replace(partition, catalog=partition.catalog and EMPTY_CATALOG)
    for one, manifest in manifests.items():
        if one.catalog != EMPTY_CATALOG:
            key = manifest.loose_key(one, "schema")
            if not store.exists(key):  # DuckDB refuses an empty folder
                store.write_bytes(key, store.read_bytes(empty.key("schema")))
        sources += [store.address(key) for key in manifest.packs]
        sources.append(store.address(f"{manifest.loose_folder(one)}/*{SUFFIX}"))
    return sources


def current_units(
    store: Store, partition: Partition, wanted: Collection[str] | None = None
) -> dict[str, int]:
    """Find the units of a partition that carry its fingerprint, packed or in files of their own."""

    def read(manifest: Manifest) -> tuple[dict[str, Packed], list[StoredFile]]:
        packed = packed_units(store, partition, manifest) if manifest.packs else {}
        return packed, store.files(manifest.loose_folder(partition))

    packed, loose = settled(store, partition, read)
    there = {u: at.rows for u, at in packed.items() if at.fingerprint == partition.fingerprint}
    files = {file.stem: file for file in loose if file.name.endswith(SUFFIX) and file.name != MOVED}
    asked = [files[unit] for unit in (files if wanted is None else wanted) if unit in files]
    if store.n_readers == 1:
        found = [_read(store, file) for file in asked]
    else:
        with ThreadPoolExecutor(store.n_readers) as threads:
            found = list(threads.map(lambda file: _remembered(store, file), asked))
    mine = partition.fingerprint.encode()
    there |= {f.stem: rows for f, (value, rows) in zip(asked, found, strict=True) if value == mine}
    return there if wanted is None else {unit: there[unit] for unit in wanted if unit in there}


def _read(store: Store, file: StoredFile) -> _Footer:
    found = parquet.file_metadata(store, file.key)
    return ((found.metadata or {}).get(FINGERPRINT_KEY), found.num_rows) if found else (None, 0)


def _remembered(store: Store, file: StoredFile) -> _Footer:
    place = (store.address(file.key), file.version)
    if place not in _FOOTERS:
        _FOOTERS[place] = _read(store, file)
    return _FOOTERS[place]


def all_units(store: Store, partition: Partition) -> list[str]:
    """List the units that lie on a partition, packed or loose, whatever is in them."""

    def read(manifest: Manifest) -> list[str]:
        packed = packed_units(store, partition, manifest) if manifest.packs else {}
        return sorted({*loose_units(store, partition, manifest), *packed})

    return settled(store, partition, read)
