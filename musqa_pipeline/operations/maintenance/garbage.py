"""What a lake holds that nobody is shown, and clearing it.

Garbage is what lies on partitions of settings that no preset in `published.json` shows, what was
retired or taken out as damaged, what killed processes left half-written, and, of a home on object
storage, copies of this machine that are out of use. Whatever is younger than a stated age is kept:
a run that has published nothing yet is as old as its last file. Records of decisions are never
garbage.
"""

from __future__ import annotations

from calendar import timegm
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from musqa_pipeline.core.clock import utc_now
from musqa_pipeline.core.errors import LakeError, LockedError
from musqa_pipeline.core.fingerprints import SHORT
from musqa_pipeline.core.home import Home
from musqa_pipeline.operations.maintenance.packed import beside, packed_partitions
from musqa_pipeline.operations.maintenance.places import place_of
from musqa_pipeline.stages.degradations.round_plans import PLAN_PARTITION
from musqa_pipeline.stages.engine.records import RECORDS
from musqa_pipeline.stages.views.duck import PER_CATALOG, read_published
from musqa_pipeline.storage.fragments.partition import DAMAGED, LAKE, RETIRED
from musqa_pipeline.storage.lake.lake import Lake, partitions
from musqa_pipeline.storage.lake.layout import read_layout
from musqa_pipeline.storage.stores.store import StoredFile

OLDER_THAN_DAYS = 30.0
"""Age from which garbage is cleared, unless another one is given."""
LEFTOVER_DAYS = 1.0
"""Age from which a half-written file belongs to no living process."""
DAY_S = 86_400
NEVER_MADE = "never-made"
"""Run of the zero-row files that keep views of absent joint stages valid."""


@dataclass(frozen=True, order=True)
class Garbage:
    """Files that nobody is shown, of one place."""

    kind: str
    """``settings``, ``run``, ``retired``, ``damaged``, ``superseded`` (by packs), ``leftover``, or
    ``copy`` (this machine's, of what lies on object storage)."""
    place: str
    """Folder below `MUSQA_HOME`; of copies, of this machine."""
    n_files: int
    n_bytes: int
    days: float
    """Age of the youngest of them."""
    keys: tuple[str, ...] = ()


@dataclass(frozen=True)
class Cleared:
    """What was cleared, or would be."""

    garbage: tuple[Garbage, ...]
    in_use: tuple[str, ...] = ()
    """Places that were left because a run works on them."""

    @property
    def n_bytes(self) -> int:
        """How much space that is."""
        return sum(item.n_bytes for item in self.garbage)


def find_garbage(home: Home, *, older_than_days: float = OLDER_THAN_DAYS) -> list[Garbage]:
    """List what may be cleared; nothing is changed."""
    lake = Lake(home)
    read_layout(lake)
    shown, found = _shown(home), []
    if not shown and partitions(lake):
        raise LakeError(
            f"{home} has results and no preset in published.json, so that all of it would seem "
            "garbage; run each preset first (what is done is not made again)"
        )
    for partition in partitions(lake, empty=True):
        key = (partition.stage, partition.fingerprint)
        if key in shown or partition.stage in RECORDS or partition.fingerprint == NEVER_MADE:
            continue
        kind = "run" if partition.catalog is None else "settings"
        found += _old(kind, lake.store.walk(partition.folder_key), older_than_days, whole=True)
    for packed in packed_partitions(lake)[0].items():
        found += _old("superseded", beside(lake.store, *packed), LEFTOVER_DAYS, whole=False)
    for attic in (RETIRED, DAMAGED):
        found += _old(attic, lake.store.walk(f"{LAKE}/{attic}"), older_than_days, whole=False)
    for folder in (LAKE, "catalogs", "reports", "cache"):
        found += _old("leftover", lake.store.leftovers(folder), LEFTOVER_DAYS, whole=False)
    copies = lake.store.copies()
    found += _old("copy", copies, max(older_than_days, LEFTOVER_DAYS), whole=False)
    return sorted(found)


def clear_garbage(home: Home, *, older_than_days: float = OLDER_THAN_DAYS) -> Cleared:
    """Delete what `find_garbage` lists, but for what a run is working on."""
    lake, cleared, in_use = Lake(home), [], []
    locks = {one.folder_key: one.lock_name for one in partitions(lake, empty=True)}
    for item in find_garbage(home, older_than_days=older_than_days):
        if item.kind == "copy":
            lake.store.drop_copies(item.keys)
            cleared.append(item)
            continue
        lock = locks.get(item.place) if item.kind in {"settings", "run"} else None
        try:
            with lake.lock(lock or "gc", wait=False):
                if lock and not _still(lake, item, older_than_days):
                    continue
                for key in item.keys:
                    lake.store.delete(key)
        except LockedError:
            in_use.append(item.place)
            continue
        lake.store.prune(item.place)
        cleared.append(item)
    return Cleared(tuple(cleared), tuple(in_use))


def _still(lake: Lake, item: Garbage, older_than_days: float) -> bool:
    """Look at a partition again: what a run published or wrote meanwhile is garbage no more."""
    place = place_of(f"{item.place}/any.parquet")
    if place is None or (place.partition.stage, place.partition.fingerprint) in _shown(
        lake.store.home
    ):
        return False
    files = lake.store.walk(item.place)
    return [item] == _old(item.kind, files, older_than_days, whole=True)


def _shown(home: Home) -> set[tuple[str, str]]:
    """Return stage and short fingerprint of every partition that a published preset needs."""
    shown = set()
    for entry in read_published(home)["presets"].values():
        for stage, fingerprint in entry["stages"].items():
            shown.add((stage, fingerprint[:SHORT]))
            if stage in PER_CATALOG:
                shown.add(("quarantine", fingerprint[:SHORT]))
            if stage == "degradations":
                shown.add((PLAN_PARTITION, fingerprint[:SHORT]))
    return shown


def _old(
    kind: str, files: Iterable[StoredFile], older_than_days: float, *, whole: bool
) -> list[Garbage]:
    """Group files by their partition's folder, leaving out those that are too young."""
    now_s, least_s = timegm(utc_now().timetuple()), older_than_days * DAY_S
    by_place: dict[str, list[StoredFile]] = defaultdict(list)
    for file in files:
        by_place[_partition_folder(file.key)].append(file)
    found = []
    for place, together in by_place.items():
        ages_s = [now_s - file.modified_s for file in together]
        if whole and min(ages_s) < least_s:
            continue
        old = [file for file, age_s in zip(together, ages_s, strict=True) if age_s >= least_s]
        if old:
            days = (now_s - max(file.modified_s for file in old)) / DAY_S
            n_bytes, keys = sum(file.size_bytes for file in old), tuple(file.key for file in old)
            found.append(Garbage(kind, place, len(old), n_bytes, round(days, 1), keys))
    return found


def _partition_folder(key: str) -> str:
    """Return the part of a key up to its partition; the folder, where it is on none."""
    parts = key.split("/")
    ends = [i for i, part in enumerate(parts) if part.startswith(("run=", "catalog="))]
    return "/".join(parts[: ends[0] + 1] if ends else parts[:-1])
