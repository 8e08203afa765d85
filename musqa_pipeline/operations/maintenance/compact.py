"""Compacting the partitions of a lake, one after the other, while nobody works on them."""

from __future__ import annotations

from dataclasses import dataclass

from musqa_pipeline.core.errors import LockedError
from musqa_pipeline.core.home import Home
from musqa_pipeline.stages.engine.migrations import bring_forward
from musqa_pipeline.stages.views.duck import read_published, restore_views
from musqa_pipeline.storage.fragments.partition import Partition
from musqa_pipeline.storage.lake.lake import Lake, partitions
from musqa_pipeline.storage.lake.layout import read_layout
from musqa_pipeline.storage.packs.compaction import compact_partition
from musqa_pipeline.storage.packs.manifest import PACKED_STAGES, loose_units, read_manifest
from musqa_pipeline.storage.packs.unpacking import drop_superseded

AT_LEAST = 2
"""Loose files from which `musqa compact` packs a partition."""


@dataclass(frozen=True)
class CompactedPartition:
    """What compaction did to one partition."""

    place: str
    """Its folder below `MUSQA_HOME`."""
    n_units: int
    """Units that were loose before."""
    n_packs: int
    """Packs that were written."""
    problem: str = ""
    """Why it was left as it is."""


def compact_lake(home: Home, *, at_least: int = AT_LEAST) -> list[CompactedPartition]:
    """Pack the loose units of all partitions that have enough of them."""
    bring_forward(home)
    lake, done = Lake(home), list[CompactedPartition]()
    replaced: dict[Partition, tuple[str, ...]] = {}
    waiting = {name for names in read_layout(lake)["waiting"].values() for name in names}
    for partition in partitions(lake):
        if partition.stage not in PACKED_STAGES or partition.catalog in waiting:
            continue
        if len(loose_units(lake.store, partition, read_manifest(lake.store, partition))) < at_least:
            continue
        try:
            with lake.lock(partition.lock_name, wait=False):
                result = compact_partition(lake.store, partition)
                replaced[partition] = read_manifest(lake.store, partition).superseded
        except LockedError:
            done.append(CompactedPartition(partition.folder_key, 0, 0, "a run works on it"))
            continue
        done.append(
            CompactedPartition(partition.folder_key, result.n_units, result.n_packs, result.problem)
        )
    if read_published(home)["presets"]:
        restore_views(home)
    for partition, keys in replaced.items():  # of those that no preset shows: no view reads them
        drop_superseded(lake.store, partition, keys)
    return done
