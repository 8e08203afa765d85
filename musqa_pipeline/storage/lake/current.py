"""Which units of a partition are done; on object storage many footers are looked at at a time."""

from __future__ import annotations

from collections.abc import Collection
from concurrent.futures import ThreadPoolExecutor
from typing import TypeAlias

from musqa_pipeline.storage.fragments import parquet
from musqa_pipeline.storage.fragments.partition import FINGERPRINT_KEY, SUFFIX, Partition
from musqa_pipeline.storage.lake.damaged import settled
from musqa_pipeline.storage.packs.manifest import MOVED, Manifest, Packed, packed_units
from musqa_pipeline.storage.stores.store import Store, StoredFile

_Footer: TypeAlias = tuple[bytes | None, int]
"""Fingerprint and number of rows."""
_FOOTERS: dict[tuple[str, str], _Footer] = {}
"""By URL and version: an object of one version never changes."""


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
