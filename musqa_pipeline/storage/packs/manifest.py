"""Which units of a partition lie together in larger files, and which lie loose.

A partition that was compacted has a manifest, `packs/manifest.json` in its folder. It names the
packs (Parquet files of many units, with an index in the footer) and the generation of loose files:
those of generation 0 lie in the partition's folder, those of a later one in ``loose-<generation>``
there. The manifest is committed whole, so that a reader sees a unit loose or packed, never both or
none. Packs never change; what takes units out writes new packs and commits.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import pyarrow.parquet as pq

from musqa_pipeline.core.errors import DamagedError, LakeError
from musqa_pipeline.storage.fragments import parquet
from musqa_pipeline.storage.fragments.partition import FINGERPRINT_KEY, SUFFIX, Partition
from musqa_pipeline.storage.stores.store import Store

PACKED_STAGES = ("tracks", "excerpts", "degradations", "labels", "opinions")
"""Stages with a unit a file or a reference: the only ones with very many small files."""
PACKS = "packs"
MANIFEST = "manifest.json"
MOVED = f"moved-to-packs-open-musqa.duckdb-again{SUFFIX}"
"""A file that is no Parquet file, left where loose files were: a client that still looks there gets
an error that says why, and never some of the rows."""
SCHEMA_NAME = f"schema{SUFFIX}"
"""The zero-row file that keeps a view valid."""
INDEX_KEY = b"musqa.units"
_INDEXES: dict[str, dict[str, Packed]] = {}
"""What was read of packs last, by address."""
_MOST_INDEXES = 256


@dataclass(frozen=True)
class Packed:
    """Where one unit lies in a pack."""

    pack: str
    """Key of the pack."""
    first_group: int
    n_groups: int
    """Row groups that hold its rows."""
    offset: int
    """Rows of other units before its own in the first of them."""
    rows: int
    fingerprint: str
    checksum: str
    footer: Mapping[str, str]
    """Further keys that its own file's footer had."""

    @property
    def metadata(self) -> dict[bytes, bytes]:
        """Keys of the footer of a file of its own, without the checksum."""
        further = {name.encode(): value.encode() for name, value in self.footer.items()}
        return {**further, FINGERPRINT_KEY: self.fingerprint.encode()}


@dataclass(frozen=True)
class Manifest:
    """What a partition consists of."""

    generation: int = 0
    packs: tuple[str, ...] = ()
    """Keys of the packs, in order of their first unit."""
    superseded: tuple[str, ...] = ()
    """Packs and folders of loose files that views published before may still read."""
    version: str | None = None
    """As the store calls it; None for a partition that was never compacted."""

    def loose_folder(self, partition: Partition) -> str:
        """Key of the folder with the partition's loose files."""
        return loose_folder(partition, self.generation)

    def loose_key(self, partition: Partition, unit: str) -> str:
        """Key of a unit's loose file."""
        return f"{self.loose_folder(partition)}/{unit}{SUFFIX}"


def loose_folder(partition: Partition, generation: int) -> str:
    """Return the key of the folder with the loose files of a generation."""
    return f"{partition.folder_key}/loose-{generation}" if generation else partition.folder_key


def in_all_catalogs(store: Store, partition: Partition) -> list[Partition]:
    """List a partition of every catalog that has a folder; a joint partition is alone."""
    if partition.catalog is None:
        return [partition]
    names = store.folders(partition.folder_key.rpartition("/")[0])
    return [replace(partition, catalog=name.removeprefix("catalog=")) for name in names]


def manifest_key(partition: Partition) -> str:
    """Return the key of a partition's manifest."""
    return f"{partition.folder_key}/{PACKS}/{MANIFEST}"


def read_manifest(store: Store, partition: Partition) -> Manifest:
    """Read what a partition consists of now.

    Raises LakeError if the manifest is damaged.
    """
    if partition.stage not in PACKED_STAGES:
        return Manifest()
    found = store.read_versioned(manifest_key(partition))
    if found is None:
        return Manifest()
    try:
        record = json.loads(found[0])
        packs, superseded = tuple(record["packs"]), tuple(record["superseded"])
        return Manifest(int(record["generation"]), packs, superseded, found[1])
    except (ValueError, KeyError, TypeError) as error:
        raise LakeError(
            f"{store.address(manifest_key(partition))} is damaged ({error}); without it nobody "
            "knows which units are current: restore it from a backup, or delete its folder and "
            "run again"
        ) from error


def commit_manifest(store: Store, partition: Partition, old: Manifest, new: Manifest) -> Manifest:
    """Make a new manifest the partition's, if nobody changed the old one.

    Raises LakeError if another process changed it since; nothing is changed then.
    """
    record = {
        "generation": new.generation,
        "packs": list(new.packs),
        "superseded": list(new.superseded),
    }
    content = json.dumps(record, indent=1, sort_keys=True).encode()
    if not store.commit(manifest_key(partition), content, old.version):
        raise LakeError(
            f"{store.address(manifest_key(partition))} was changed by another process at this "
            "moment; run again"
        )
    now = store.read_versioned(manifest_key(partition))
    return replace(new, version=now[1] if now else None)


def packed_units(
    store: Store, partition: Partition, manifest: Manifest | None = None
) -> dict[str, Packed]:
    """Return where each packed unit of a partition lies."""
    manifest = manifest or read_manifest(store, partition)
    return {unit: place for key in manifest.packs for unit, place in pack_index(store, key).items()}


def find_packed(store: Store, manifest: Manifest, unit: str) -> Packed | None:
    """Return where one unit lies in a partition's packs, None if it is in none of them."""
    places = (pack_index(store, key).get(unit) for key in manifest.packs)
    return next((place for place in places if place is not None), None)


def loose_units(store: Store, partition: Partition, manifest: Manifest) -> list[str]:
    """List the units whose loose file is there, whatever is in it."""
    files = store.files(manifest.loose_folder(partition))
    skipped = {SCHEMA_NAME, MOVED}
    return sorted(f.stem for f in files if f.name.endswith(SUFFIX) and f.name not in skipped)


def pack_index(store: Store, key: str) -> Mapping[str, Packed]:
    """Return where each unit of a pack lies; packs never change, so that it is read once.

    Raises DamagedError if the pack is gone or damaged.
    """
    address = store.address(key)
    if address in _INDEXES:
        return _INDEXES[address]
    with parquet.opened(store, key) as source:
        footer = pq.read_metadata(source).metadata or {}
    try:
        index = index_of(key, footer)
    except (KeyError, ValueError, TypeError) as error:
        text = f"{address} is no pack ({error!r}); see docs/lake.md"
        raise DamagedError(text, key) from error
    for oldest in list(_INDEXES)[: len(_INDEXES) + 1 - _MOST_INDEXES]:
        _INDEXES.pop(oldest, None)
    return _INDEXES.setdefault(address, index)


def index_of(key: str, footer: Mapping[bytes, bytes]) -> dict[str, Packed]:
    """Read the index of a pack from its footer's keys."""
    rows: dict[str, dict[str, Any]] = json.loads(footer[INDEX_KEY])
    return {unit: Packed(pack=key, **row) for unit, row in rows.items()}
