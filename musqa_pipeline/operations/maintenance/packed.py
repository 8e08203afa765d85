"""Packs under verify, mend and gc: what is in them, what lies beside them that nobody reads."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pyarrow.parquet as pq

from musqa_pipeline.core.errors import LakeError
from musqa_pipeline.core.fingerprints import SHORT
from musqa_pipeline.operations.maintenance.file_check import check_file
from musqa_pipeline.operations.maintenance.findings import Finding
from musqa_pipeline.storage.fragments import parquet
from musqa_pipeline.storage.fragments.checksum import table_checksum
from musqa_pipeline.storage.fragments.partition import Shelf
from musqa_pipeline.storage.lake.inventory import shelves
from musqa_pipeline.storage.lake.lake import Lake
from musqa_pipeline.storage.packs.manifest import (
    MOVED,
    PACKED_STAGES,
    PACKS,
    SCHEMA_NAME,
    Manifest,
    index_of,
    loose_units,
    manifest_key,
    packed_units,
    read_manifest,
)
from musqa_pipeline.storage.packs.pack_files import read_packed
from musqa_pipeline.storage.stores.store import Store, StoredFile


@dataclass(frozen=True)
class PackCheck:
    """What a look at a pack found."""

    findings: tuple[Finding, ...]
    rows: int = 0
    undigested: str = ""
    """Its key, if it has no digest of its bytes."""


@dataclass(frozen=True)
class PackedShelf:
    """A shelf that was compacted."""

    shelf: Shelf
    """Its fingerprint is cut to 12 digits."""
    manifest: Manifest


def packed_shelves(lake: Lake) -> tuple[list[PackedShelf], list[Finding]]:
    """List the shelves that have packs, and those whose manifest cannot be read."""
    found, broken = [], []
    for shelf in shelves(lake):
        if shelf.stage in PACKED_STAGES:
            try:
                manifest = read_manifest(lake.store, shelf)
            except LakeError as error:
                broken.append(Finding("damaged", manifest_key(shelf), str(error)))
                continue
            if manifest.version:
                found.append(PackedShelf(shelf, manifest))
    return found, broken


def beside(store: Store, packed: PackedShelf) -> list[StoredFile]:
    """List files in a shelf's folder that nobody reads: packs and loose files of former times."""
    shelf, manifest = packed.shelf, packed.manifest
    read = {*manifest.packs, *manifest.superseded, manifest_key(shelf)}
    folders = {*manifest.superseded, manifest.loose_folder(shelf)}
    stray = []
    for file in store.walk(shelf.folder_key):
        folder, _, name = file.key.rpartition("/")
        of_unit = folder == shelf.folder_key or folder.startswith(f"{shelf.folder_key}/loose-")
        of_pack = folder == f"{shelf.folder_key}/{PACKS}"
        if (of_unit and folder not in folders and name not in {MOVED, SCHEMA_NAME}) or (
            of_pack and file.key not in read
        ):
            stray.append(file)
    return stray


def check_packs(lake: Lake, packed: PackedShelf) -> Iterator[PackCheck]:
    """Check the packs of a shelf, unit by unit."""
    store, shelf = lake.store, packed.shelf
    for key in packed.manifest.packs:
        if not store.exists(key):
            # Another process may have packed the shelf again since its manifest was read.
            if key in read_manifest(store, shelf).packs:
                gone = Finding("missing", key, "the manifest names it, and it is not there")
                yield PackCheck((gone,))
            continue
        yield _check_pack(store, shelf, key)
    try:
        loose = set(loose_units(store, shelf, packed.manifest))
        twice = loose & packed_units(store, shelf, packed.manifest).keys()
    except LakeError:
        return  # found already
    if twice and read_manifest(store, shelf).version == packed.manifest.version:
        what = f"{len(twice)} units are both loose and packed, the first {min(twice)}"
        yield PackCheck((Finding("double", packed.manifest.loose_folder(shelf), what),))


def _check_pack(store: Store, shelf: Shelf, key: str) -> PackCheck:
    found: list[Finding] = []
    rows, undigested = 0, ""
    try:
        with parquet.opened(store, key) as source:
            units = index_of(key, pq.read_metadata(source).metadata or {})
        for unit, table in read_packed(store, units):
            place = units[unit]
            rows += table.num_rows
            if table.num_rows != place.rows:
                what = f"unit {unit}: {table.num_rows} rows, expected {place.rows}"
                found.append(Finding("wrong_rows", key, what))
            elif table_checksum(table.replace_schema_metadata(None)) != place.checksum:
                what = f"unit {unit}: its values are not those that were written"
                found.append(Finding("wrong_checksum", key, what))
            if place.fingerprint[:SHORT] != shelf.fingerprint:
                what = f"unit {unit}: {place.fingerprint}, expected {shelf.fingerprint}…"
                found.append(Finding("wrong_fingerprint", key, what))
        with store.lent(key) as path:
            file_says = check_file(path)
            undigested = "" if file_says.has_digest else key
            if file_says.kind and not found:
                found.append(Finding(file_says.kind, key, file_says.detail))
    except (LakeError, KeyError, ValueError, TypeError) as error:
        found.append(Finding("damaged", key, str(error.__cause__ or error)))
    return PackCheck(tuple(found), rows, undigested)
