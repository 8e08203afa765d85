"""Compaction: many small files of a partition become few large ones.

Packs are written aside and read back, then one commit of the manifest makes them the partition's,
then views are published, and only then what they replace is deleted. A kill at any moment leaves
the partition as it was before or after the commit; what it leaves beside is found by gc. Whoever
calls holds the partition's lock. How single units come out again, says `unpacking.py`.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import pyarrow as pa
import pyarrow.parquet as pq

from musqa_pipeline.core.errors import LakeError, SettingsError
from musqa_pipeline.storage.fragments import parquet
from musqa_pipeline.storage.fragments.checksum import CHECKSUM_KEY
from musqa_pipeline.storage.fragments.partition import FINGERPRINT_KEY, SUFFIX, Partition
from musqa_pipeline.storage.packs.manifest import (
    PACKED_STAGES,
    PACKS,
    SCHEMA_NAME,
    Manifest,
    Packed,
    commit_manifest,
    loose_units,
    pack_index,
    read_manifest,
)
from musqa_pipeline.storage.packs.pack_files import Piece, packed_piece, read_piece, write_pack
from musqa_pipeline.storage.stores.store import Store

PACK_UNITS = 256
PACK_BYTES = 256 << 20
"""A pack is closed when it has so many units, or their files so many bytes."""


AFTER_STAGE = 2_000
"""Loose files from which a partition is packed at the end of its stage."""
VARIABLE = "MUSQA_COMPACT_AT"


@dataclass(frozen=True)
class Compacted:
    """What compacting a partition did."""

    n_units: int
    """Units that were loose before."""
    n_packs: int
    """Packs that were written."""
    problem: str = ""
    """Why the partition was left as it is."""


@dataclass(frozen=True)
class Source:
    """A unit that is to be packed: what has to be known before it is read."""

    unit: str
    n_bytes: int
    schema: pa.Schema
    fingerprint: str
    identity: str
    """Checksum, or the file's version where there is none."""
    packed: Packed | None = None


def compact_partition(store: Store, partition: Partition) -> Compacted:
    """Pack the loose units of a partition, together with packs that are less than half full."""
    manifest = read_manifest(store, partition)
    loose = loose_units(store, partition, manifest)
    if not loose:
        return Compacted(0, 0)
    folder = manifest.loose_folder(partition)
    sizes = {file.stem: file.size_bytes for file in store.files(folder)}
    try:
        sources = [_loose_source(store, folder, unit, sizes[unit]) for unit in loose]
        kept, refilled = _split_packs(store, manifest, set(loose))
        for key in refilled:
            sources += packed_sources(store, key)
        packs = [write_part(store, partition, folder, part) for part in parts_of(sources)]
    except LakeError as error:
        return Compacted(0, 0, problem=str(error))
    after = replace(
        manifest,
        generation=manifest.generation + 1,
        packs=in_order(store, [*kept, *packs]),
        superseded=(*manifest.superseded, folder, *(k for k in refilled if k not in packs)),
    )
    # A view's glob over the folder of loose files must find one.
    parquet.write_fragment(
        store, f"{after.loose_folder(partition)}/{SCHEMA_NAME}", sources[0].schema.empty_table()
    )
    commit_manifest(store, partition, manifest, after)
    return Compacted(len(loose), len(packs))


def compact_after_stage(store: Store, partition: Partition) -> Compacted:
    """Pack a partition at the end of its stage, if `MUSQA_COMPACT_AT` or more files lie loose.

    Raises SettingsError if the variable is no number of files.
    """
    text = os.environ.get(VARIABLE, "").strip() or str(AFTER_STAGE)
    if not text.isdecimal():
        raise SettingsError(
            f"{VARIABLE}={text!r}: expected a number of files, 0 to pack partitions never"
        )
    if partition.stage not in PACKED_STAGES or not int(text):
        return Compacted(0, 0)
    n_loose = len(loose_units(store, partition, read_manifest(store, partition)))
    return compact_partition(store, partition) if n_loose >= int(text) else Compacted(0, 0)


def _loose_source(store: Store, folder: str, unit: str, n_bytes: int) -> Source:
    key = f"{folder}/{unit}{SUFFIX}"
    with parquet.opened(store, key) as source:
        file = pq.ParquetFile(source)
        footer, schema = file.metadata.metadata or {}, file.schema_arrow
        file.close()
    fingerprint = footer.get(FINGERPRINT_KEY, b"").decode()
    if not fingerprint:
        raise LakeError(
            f"{store.address(key)} carries no fingerprint; look at the lake with `musqa verify`"
        )
    identity = footer.get(CHECKSUM_KEY, b"").decode() or f"{n_bytes}"
    return Source(unit, n_bytes, schema.remove_metadata(), fingerprint, identity)


def packed_sources(store: Store, key: str) -> list[Source]:
    """List the units of a pack, for packing them again."""
    with parquet.opened(store, key) as source:
        file = pq.ParquetFile(source)
        metadata, schema = file.metadata, file.schema_arrow.remove_metadata()
        file.close()
    sizes = [metadata.row_group(i).total_byte_size for i in range(metadata.num_row_groups)]
    rows = [max(1, metadata.row_group(i).num_rows) for i in range(metadata.num_row_groups)]
    found = []
    for unit, place in pack_index(store, key).items():
        groups = range(place.first_group, place.first_group + place.n_groups)
        whole = sum(sizes[i] for i in groups)
        n_bytes = whole if place.n_groups != 1 else whole * place.rows // rows[place.first_group]
        found.append(Source(unit, n_bytes, schema, place.fingerprint, place.checksum, place))
    return found


def _split_packs(store: Store, manifest: Manifest, again: set[str]) -> tuple[list[str], list[str]]:
    """Return the packs that stay, and those that are less than half full and are packed again."""
    kept: list[str] = []
    refilled: list[str] = []
    for key in manifest.packs:
        index = pack_index(store, key)
        if again & index.keys():
            raise LakeError(f"units are both loose and in {store.address(key)}; see docs/lake.md")
        n_bytes = sum(source.n_bytes for source in packed_sources(store, key))
        half_full = len(index) >= PACK_UNITS // 2 or n_bytes >= PACK_BYTES // 2
        (kept if half_full else refilled).append(key)
    return kept, refilled


def parts_of(sources: Iterable[Source]) -> Iterator[list[Source]]:
    """Divide units into packs: in the order of ids, of one schema and fingerprint each."""
    kinds: list[tuple[pa.Schema, str, list[Source]]] = []
    for source in sorted(sources, key=lambda source: source.unit):
        for schema, fingerprint, members in kinds:
            if schema.equals(source.schema) and fingerprint == source.fingerprint:
                members.append(source)
                break
        else:
            kinds.append((source.schema, source.fingerprint, [source]))
    for _, _, members in kinds:
        part: list[Source] = []
        n_bytes = 0
        for source in members:
            if part and (len(part) >= PACK_UNITS or n_bytes + source.n_bytes > PACK_BYTES):
                yield part
                part, n_bytes = [], 0
            part.append(source)
            n_bytes += source.n_bytes
        yield part


def write_part(store: Store, partition: Partition, folder: str, part: list[Source]) -> str:
    """Write one pack under a name that follows from its units and their content."""
    names = "\n".join(f"{source.unit} {source.identity}" for source in part)
    name = hashlib.blake2b(names.encode(), digest_size=8).hexdigest()
    key = f"{partition.folder_key}/{PACKS}/{name}{SUFFIX}"

    def pieces() -> Iterator[Piece]:
        for source in part:
            if source.packed is None:
                yield read_piece(store, f"{folder}/{source.unit}{SUFFIX}", source.unit)
            else:
                yield packed_piece(store, source.unit, source.packed)

    write_pack(store, key, pieces(), part[0].schema)
    return key


def in_order(store: Store, packs: Iterable[str]) -> tuple[str, ...]:
    """Return keys of packs in the order of their first units."""
    return tuple(sorted(packs, key=lambda key: (next(iter(pack_index(store, key)), ""), key)))
