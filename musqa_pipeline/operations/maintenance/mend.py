"""Putting right what `verify` found: copies put back, damaged files taken out, digests added."""

from __future__ import annotations

import contextlib
from collections.abc import Collection
from dataclasses import dataclass, field

from musqa_pipeline.core.errors import LakeError, LockedError
from musqa_pipeline.core.home import Home
from musqa_pipeline.operations.maintenance.file_check import check_file
from musqa_pipeline.operations.maintenance.findings import MENDABLE, Verification
from musqa_pipeline.operations.maintenance.packed import packed_partitions
from musqa_pipeline.operations.maintenance.places import Place, folder_beside, place_of
from musqa_pipeline.operations.maintenance.verify import MADE_ANEW
from musqa_pipeline.stages.views.duck import read_published, restore_views
from musqa_pipeline.stages.views.queries import DATABASE
from musqa_pipeline.storage.fragments import parquet
from musqa_pipeline.storage.fragments.checksum import CHECKSUM_KEY
from musqa_pipeline.storage.fragments.damage import set_aside
from musqa_pipeline.storage.fragments.partition import FINGERPRINT_KEY, Partition
from musqa_pipeline.storage.lake.damaged import mend_pack, set_aside_folder
from musqa_pipeline.storage.lake.lake import Lake
from musqa_pipeline.storage.packs.manifest import read_manifest
from musqa_pipeline.storage.stores.store import Store


@dataclass
class Mended:
    """What was done about findings."""

    moved: list[str] = field(default_factory=list)
    """Keys of what was moved to ``lake/damaged/``, or taken out of packs: to be made again."""
    restored: list[str] = field(default_factory=list)
    """Keys of what is again as it was written."""
    digested: list[str] = field(default_factory=list)
    """Keys of what got a digest of its bytes."""


def mend(home: Home, seen: Verification) -> Mended:
    """Put right what a look at a lake found."""
    lake, done = Lake(home), Mended()
    bad = sorted({f.key for f in seen.findings if f.kind in MENDABLE})
    units = [key for key in bad if place_of(key)]
    for key in [key for key in bad if key not in units]:
        _mend_other(lake, key, done)
    packed = packed_partitions(lake)[0]
    owner = {key: one for one, manifest in packed.items() for key in manifest.packs}
    gone = [f.key for f in seen.findings if f.kind == "missing" and f.key in owner]
    _mend_packs(lake, {key: owner[key] for key in {*bad, *gone} & owner.keys()}, done)
    for key in units:
        place = place_of(key)
        assert place is not None
        with contextlib.suppress(LockedError), lake.lock(place.partition.lock_name, wait=False):
            _mend_unit(lake, key, place, {f.kind for f in seen.findings if f.key == key}, done)
    for key in seen.undigested:
        partition = place.partition if (place := place_of(key)) else owner.get(key)
        lock = lake.lock(partition.lock_name, wait=False) if partition else contextlib.nullcontext()
        with contextlib.suppress(LockedError), lock:
            if key not in bad and add_digest(lake.store, key, owner.get(key)):
                done.digested.append(key)
    return done


def _mend_unit(lake: Lake, key: str, place: Place, kinds: set[str], done: Mended) -> None:
    if not lake.store.exists(key):
        return
    if lake.store.restore(key):
        done.restored.append(key)
        return
    if place.is_record and not place.is_schema:
        whole = {
            entry["stages"].get(place.partition.stage)
            for entry in read_published(lake.store.home)["presets"].values()
        }
        if kinds == {"wrong_bytes"} and rewrite_record(lake.store, key, whole):
            done.restored.append(key)
        return
    set_aside(lake.store, key)
    done.moved.append(key)


def _mend_packs(lake: Lake, packs: dict[str, Partition], done: Mended) -> None:
    for key, partition in sorted(packs.items()):
        with contextlib.suppress(LockedError), lake.lock(partition.lock_name, wait=False):
            mend_pack(lake.store, partition, key)
            done.moved.append(key)
    if packs and read_published(lake.store.home)["presets"]:
        restore_views(lake.store.home)  # until now views may read them
    for key, partition in packs.items():
        if lake.store.exists(key) and key not in read_manifest(lake.store, partition).packs:
            set_aside(lake.store, key)


def _mend_other(lake: Lake, key: str, done: Mended) -> None:
    """Mend a file that is no unit: from its copy, or by having it made again."""
    store, beside = lake.store, folder_beside(key)
    if not store.exists(key):
        return
    if store.restore(key):
        done.restored.append(key)
    elif key == DATABASE:
        restore_views(store.home)
        done.restored.append(key)
    elif beside is not None:
        partition, name = beside
        with contextlib.suppress(LockedError), lake.lock(partition.lock_name, wait=False):
            set_aside_folder(store, partition, name)
            done.moved.append(key)
    elif key.startswith(MADE_ANEW):
        set_aside(store, key)
        done.moved.append(key)
    else:
        with contextlib.suppress(LakeError, OSError):
            store.read_bytes(key)  # its digest alone is damaged, if it can be read
            store.seal(key)
            done.restored.append(key)


def add_digest(store: Store, key: str, of_packed: Partition | None) -> bool:
    """Give a file a digest of its bytes, once its values are those that its checksum knows."""
    if not store.exists(key):
        return False
    if of_packed is not None:
        mend_pack(store, of_packed, key)  # its units are read, compared, and packed anew
        return key in read_manifest(store, of_packed).packs
    place = place_of(key)
    if place is None:
        store.seal(key)
        return True
    if not _rewrite(store, key):
        return False
    if place.is_record:
        store.seal(key, twice=True)
    return True


def rewrite_record(store: Store, key: str, fingerprints: Collection[str | None]) -> bool:
    """Write a record anew whose values are right and whose other bytes are not."""
    said = parquet.footer(store, key).get(FINGERPRINT_KEY, b"").decode(errors="replace")
    return said in fingerprints and _rewrite(store, key, must_have_checksum=True)


def _rewrite(store: Store, key: str, *, must_have_checksum: bool = False) -> bool:
    with parquet.opened(store, key), store.lent(key) as path:
        seen = check_file(path)
    said = seen.footer.get(CHECKSUM_KEY, b"").decode()
    if (said or must_have_checksum) and said != seen.checksum:
        return False
    parquet.rewrite_fragment(store, key)
    return True
