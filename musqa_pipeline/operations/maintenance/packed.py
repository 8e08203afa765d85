"""Packs under verify, mend and gc: what is in them, what lies beside them that nobody reads."""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow.parquet as pq

from musqa_pipeline.core.errors import LakeError
from musqa_pipeline.core.fingerprints import SHORT
from musqa_pipeline.operations.maintenance.file_check import check_file
from musqa_pipeline.operations.maintenance.findings import Finding, Looked
from musqa_pipeline.storage.fragments import parquet
from musqa_pipeline.storage.fragments.checksum import table_checksum
from musqa_pipeline.storage.fragments.partition import Partition
from musqa_pipeline.storage.lake.lake import Lake, partitions
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


def packed_partitions(lake: Lake) -> tuple[dict[Partition, Manifest], list[Finding]]:
    """List the partitions that have packs, and those whose manifest cannot be read."""
    found, broken = dict[Partition, Manifest](), list[Finding]()
    for partition in partitions(lake):
        if partition.stage in PACKED_STAGES:
            try:
                manifest = read_manifest(lake.store, partition)
            except LakeError as error:
                broken.append(Finding("damaged", manifest_key(partition), str(error)))
                continue
            if manifest.version:
                found[partition] = manifest
    return found, broken


def beside(store: Store, partition: Partition, manifest: Manifest) -> list[StoredFile]:
    """List files in a partition's folder that nobody reads: former packs and loose files."""
    read = {*manifest.packs, *manifest.superseded, manifest_key(partition)}
    folders = {*manifest.superseded, manifest.loose_folder(partition)}
    stray = []
    for file in store.walk(partition.folder_key):
        folder, _, name = file.key.rpartition("/")
        of_unit = folder == partition.folder_key or folder.startswith(
            f"{partition.folder_key}/loose-"
        )
        of_pack = folder == f"{partition.folder_key}/{PACKS}"
        if (of_unit and folder not in folders and name not in {MOVED, SCHEMA_NAME}) or (
            of_pack and file.key not in read
        ):
            stray.append(file)
    return stray


def check_packs(store: Store, partition: Partition, manifest: Manifest) -> Iterator[Looked]:
    """Check the packs of a partition, unit by unit."""
    for key in manifest.packs:
        if not store.exists(key):
            # Another process may have packed the partition again since its manifest was read.
            if key in read_manifest(store, partition).packs:
                gone = Finding("missing", key, "the manifest names it, and it is not there")
                yield Looked((gone,))
            continue
        yield _check_pack(store, partition, key)
    try:
        loose = set(loose_units(store, partition, manifest))
        twice = loose & packed_units(store, partition, manifest).keys()
    except LakeError:
        return  # found already
    if twice and read_manifest(store, partition).version == manifest.version:
        what = f"{len(twice)} units are both loose and packed, the first {min(twice)}"
        yield Looked((Finding("double", manifest.loose_folder(partition), what),))


def _check_pack(store: Store, partition: Partition, key: str) -> Looked:
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
            if place.fingerprint[:SHORT] != partition.fingerprint:
                what = f"unit {unit}: {place.fingerprint}, expected {partition.fingerprint}…"
                found.append(Finding("wrong_fingerprint", key, what))
        with store.lent(key) as path:
            file_says = check_file(path)
            undigested = "" if file_says.has_digest else key
            if file_says.kind and not found:
                found.append(Finding(file_says.kind, key, file_says.detail))
    except (LakeError, KeyError, ValueError, TypeError) as error:
        found.append(Finding("damaged", key, str(error.__cause__ or error)))
    return Looked(tuple(found), rows, undigested=undigested)
