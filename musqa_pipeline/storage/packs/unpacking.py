"""Single units come out of packs again, and what packs replaced is deleted."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from musqa_pipeline.storage.fragments import parquet
from musqa_pipeline.storage.fragments.partition import SUFFIX, Partition
from musqa_pipeline.storage.packs.compaction import in_order, packed_sources, parts_of, write_part
from musqa_pipeline.storage.packs.manifest import (
    MOVED,
    PACKED_STAGES,
    Manifest,
    Packed,
    commit_manifest,
    find_packed,
    in_all_catalogs,
    loose_folder,
    pack_index,
    read_manifest,
)
from musqa_pipeline.storage.packs.pack_files import packed_piece
from musqa_pipeline.storage.stores.store import Store


def take_out(store: Store, partition: Partition, units: Collection[str]) -> Manifest:
    """Let packs be without some units; their rows are gone for whoever looks from now on.

    Raises LakeError if the store cannot be written, or another process changed the partition.
    """
    manifest, gone = read_manifest(store, partition), set(units)
    looked_at = manifest.packs if gone else ()
    touched = [key for key in looked_at if gone & pack_index(store, key).keys()]
    if not touched:
        return manifest
    packs = [key for key in manifest.packs if key not in touched]
    for key in touched:
        left = [source for source in packed_sources(store, key) if source.unit not in gone]
        packs += [write_part(store, partition, "", part) for part in parts_of(left)]
    superseded = (*manifest.superseded, *(key for key in touched if key not in packs))
    after = replace(manifest, packs=in_order(store, packs), superseded=superseded)
    return commit_manifest(store, partition, manifest, after)


def retire_units(store: Store, partition: Partition, units: Collection[str]) -> None:
    """Move units out of sight, packed or loose, losing nothing."""
    manifest = read_manifest(store, partition)
    found = {unit: find_packed(store, manifest, unit) for unit in units}
    packed = {unit: place for unit, place in found.items() if place}
    for unit, place in packed.items():
        _write_loose(store, unit, place, partition.retired(unit))
    take_out(store, partition, packed)
    for unit in sorted(found.keys() - packed.keys()):
        store.move(manifest.loose_key(partition, unit), partition.retired(unit))


def _write_loose(store: Store, unit: str, place: Packed, key: str) -> None:
    """Write a packed unit as a file of its own, as it was before it was packed."""
    piece = packed_piece(store, unit, place)
    codecs = set(piece.compression.values())
    parquet.write_fragment(
        store,
        key,
        piece.table.replace_schema_metadata(place.metadata),
        row_group_rows=piece.group_rows,
        compression=codecs.pop() if len(codecs) == 1 else "zstd",
    )


def superseded_by_packs(store: Store, partition: Partition) -> dict[Partition, tuple[str, ...]]:
    """Return what the packs of a partition replaced and what is still there, in all catalogs."""
    if partition.stage not in PACKED_STAGES:
        return {}
    of_all = in_all_catalogs(store, partition)
    found = {one: read_manifest(store, one).superseded for one in of_all}
    return {one: keys for one, keys in found.items() if keys}


def drop_superseded(store: Store, partition: Partition, replaced: Collection[str]) -> int:
    """Delete what packs replaced; call it once views show the packs.

    Raises LakeError if a file cannot be deleted, or another process changed the partition.
    """
    manifest, n_deleted = read_manifest(store, partition), 0
    dropped = [key for key in manifest.superseded if key in replaced]
    if not dropped:
        return 0
    for key in dropped:
        if key.endswith(SUFFIX):
            store.delete(key)
            n_deleted += 1
            continue
        # Before anything goes: who still looks here gets an error in place of some of the rows.
        store.write_bytes(f"{key}/{MOVED}", b"these rows are in packs now\n")
        for file in store.files(key):
            if file.name != MOVED:
                store.delete(file.key)
                n_deleted += 1
    for generation in range(1, manifest.generation - 1):  # views of two generations ago
        store.delete(f"{loose_folder(partition, generation)}/{MOVED}")
        store.prune(loose_folder(partition, generation))
    left = tuple(key for key in manifest.superseded if key not in dropped)
    commit_manifest(store, partition, manifest, replace(manifest, superseded=left))
    return n_deleted
