"""Files that are not what was written: they count as missing, and must not blind what reads them.

Whoever reads a unit and finds it damaged moves it to ``lake/damaged/``, so that the next run of its
stage makes it again; of a pack, the good units are packed anew. Records, which no stage can make
again, are put back from their copy. Files in folders beside a partition's units (weights,
checkpoints, reports) belong to their unit, which is made again with all of them.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, MutableMapping
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import pyarrow.parquet as pq

from musqa_pipeline.core.errors import DamagedError, LakeError
from musqa_pipeline.core.progress import logger
from musqa_pipeline.core.seal_format import State
from musqa_pipeline.core.seals import are_left_alone
from musqa_pipeline.storage.fragments import parquet
from musqa_pipeline.storage.fragments.byte_digest import check_bytes
from musqa_pipeline.storage.fragments.damage import is_damaged, is_of_the_disk, set_aside
from musqa_pipeline.storage.fragments.partition import DAMAGED, LAKE, RECORDS, SUFFIX, Partition
from musqa_pipeline.storage.packs.compaction import (
    Source,
    in_order,
    packed_sources,
    parts_of,
    write_part,
)
from musqa_pipeline.storage.packs.manifest import (
    MOVED,
    PACKED_STAGES,
    Manifest,
    commit_manifest,
    in_all_catalogs,
    read_manifest,
)
from musqa_pipeline.storage.packs.pack_files import packed_piece
from musqa_pipeline.storage.stores.store import Store

T = TypeVar("T")
ATTEMPTS = 3
_UNITS = {"evaluation": "evaluation"}
"""Units whose folder is called otherwise than they are."""


def settled(
    store: Store,
    partition: Partition,
    read: Callable[[Manifest], T],
    known: MutableMapping[Partition, Manifest] | None = None,
) -> T:
    """Read by a partition's manifest, again if it changed meanwhile; set aside what is damaged.

    `known` keeps manifests from one read to the next: that one is out of date shows when what it
    names is gone, since packs never change and a unit of one name has one content.

    Raises LakeError if a unit is not there or damaged; a damaged one is out of the way then.
    """
    known = {} if known is None else known
    for attempt in range(ATTEMPTS):
        manifest = known[partition] = known.get(partition) or read_manifest(store, partition)
        try:
            return read(manifest)
        except LakeError as error:
            known.pop(partition, None)  # other threads may have done so
            changed = read_manifest(store, partition).version != manifest.version
            if not changed and isinstance(error, DamagedError):
                changed = taken_out(store, partition, manifest, error)
            if not changed or attempt == ATTEMPTS - 1:
                raise
    raise AssertionError("unreachable")


def set_aside_damaged(
    store: Store, partitions: Iterable[Partition], is_readable: Callable[[Path], bool]
) -> list[str]:
    """Move fragments and packs that blind a view out of its sight."""
    lying = {key: one for partition in partitions for one in in_all_catalogs(store, partition)
             for key in _files(store, one)}  # fmt: skip
    bad = [key for key in sorted(lying) if not _is_readable(store, key, is_readable)]
    bad = bad or [key for key in sorted(lying) if _digest_says(store, key) is State.WRONG]
    for key in [key for key in bad if not store.restore(key)]:
        _mend_or_set_aside(store, lying[key], key)
    return bad


def _mend_or_set_aside(store: Store, partition: Partition, key: str) -> None:
    """Pack the good units of a damaged pack anew; the pack itself leaves, if it was replaced."""
    mend_pack(store, partition, key)
    if key not in read_manifest(store, partition).packs:
        set_aside(store, key)


def mend_pack(store: Store, partition: Partition, key: str) -> None:
    """Let a partition be without a damaged pack; its good units are packed anew.

    If all of them are good, the new pack has the name of the old one and lies in its place.

    Raises LakeError if the store cannot be written, or another process changed the partition.
    """
    manifest = read_manifest(store, partition)
    if key not in manifest.packs:
        return
    good = _good_units(store, key)
    packs = [other for other in manifest.packs if other != key]
    packs += [write_part(store, partition, "", part) for part in parts_of(good)]
    commit_manifest(store, partition, manifest, replace(manifest, packs=in_order(store, packs)))


def taken_out(store: Store, partition: Partition, manifest: Manifest, error: DamagedError) -> bool:
    """Take out of the way what an error names, if it is damaged.

    Raises DamagedError if a unit was set aside.
    """
    key = error.key
    if are_left_alone() or not key or not is_damaged(store, key):
        return False
    if partition.stage in RECORDS:
        return store.restore(key)
    address = store.address(key)
    try:
        if key in manifest.packs:
            _mend_or_set_aside(store, partition, key)
            logger.warning("%s is damaged; its good units are packed anew", address)
            return True
        set_aside(store, key)
    except LakeError:  # to read a lake, one need not be able to write it
        return False
    reason = " ".join(str(error.__cause__).split())
    raise DamagedError(
        f"cannot read {address}: {reason}; it is set aside in {LAKE}/{DAMAGED}, run again to make "
        "it again",
        key,
    ) from error


def _good_units(store: Store, key: str) -> list[Source]:
    """List the units of a pack that can be read and are what they were."""
    good = []
    try:
        sources = packed_sources(store, key)
    except LakeError:
        return []  # nothing of it can be read
    for source in sources:
        assert source.packed is not None
        with contextlib.suppress(LakeError):
            packed_piece(store, source.unit, source.packed)
            good.append(source)
    return good


def _files(store: Store, partition: Partition) -> list[str]:
    manifest = read_manifest(store, partition)
    loose = store.files(manifest.loose_folder(partition))
    units = [f.key for f in loose if f.name.endswith(SUFFIX) and f.name != MOVED]
    return [*units, *(key for key in manifest.packs if store.exists(key))]


def _is_readable(store: Store, key: str, by_views: Callable[[Path], bool]) -> bool:
    try:
        with store.opened(key) as source:
            pq.read_schema(source)
        with store.lent(key) as path:
            return by_views(path)
    except parquet.UNREADABLE as error:
        return is_of_the_disk(error)


def _digest_says(store: Store, key: str) -> State:
    try:
        with store.lent(key) as path:
            return check_bytes(path)
    except OSError:  # it was retired since it was listed
        return State.NONE


def set_aside_beside(store: Store, partition: Partition) -> list[str]:
    """Take units out of the way whose files beside them are damaged; call it with the lock held."""
    if partition.stage in PACKED_STAGES or partition.catalog or not isinstance(store.home, Path):
        return []
    moved = []
    for name in store.folders(partition.folder_key):
        folder = f"{partition.folder_key}/{name}"
        if any(not _mended(store, file.key) for file in store.walk(folder)):
            set_aside_folder(store, partition, name)
            moved.append(folder)
    return moved


def set_aside_folder(store: Store, partition: Partition, name: str) -> None:
    """Move a folder to ``lake/damaged/``, and first the unit that it belongs to."""
    unit = partition.key(_UNITS.get(partition.stage, name))
    if store.exists(unit):
        set_aside(store, unit)  # first: without it the folder is that of a unit under way
    for file in store.walk(f"{partition.folder_key}/{name}"):
        set_aside(store, file.key)
    store.prune(f"{partition.folder_key}/{name}")


def _mended(store: Store, key: str) -> bool:
    return store.check(key) is not State.WRONG or store.restore(key)
