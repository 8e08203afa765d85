"""Units whose input is gone: out of sight, never lost, and back when it returns."""

from __future__ import annotations

from collections.abc import Iterable

from musqa_pipeline.storage.fragments import parquet
from musqa_pipeline.storage.fragments.partition import Partition
from musqa_pipeline.storage.lake.lake import Lake
from musqa_pipeline.storage.lake.reading import all_units
from musqa_pipeline.storage.packs.manifest import read_manifest
from musqa_pipeline.storage.packs.unpacking import retire_units


def restore_units(lake: Lake, partition: Partition, wanted: Iterable[str]) -> list[str]:
    """Take units back whose input came back after they were retired."""
    there = {file.stem for file in lake.store.files(partition.retired_key)}
    manifest = read_manifest(lake.store, partition)
    back = []
    for unit in [unit for unit in wanted if unit in there]:
        if _is_whole(lake, partition, unit):
            refused = partition.quarantine
            if _is_whole(lake, refused, unit):  # first: a kill in between redoes the unit
                lake.store.move(refused.retired(unit), refused.key(unit))
            lake.store.move(partition.retired(unit), manifest.loose_key(partition, unit))
            back.append(unit)
    return back


def retire_all(lake: Lake, partition: Partition) -> int:
    """Move whatever lies on a partition out of sight, whole or damaged."""
    units = all_units(lake.store, partition)
    retire_units(lake.store, partition, units)
    return len(units)


def _is_whole(lake: Lake, partition: Partition, unit: str) -> bool:
    return parquet.is_current(lake.store, partition.retired(unit), partition.fingerprint)
