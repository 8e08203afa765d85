"""Units whose input is gone: out of sight, never lost, and back when it returns."""

from __future__ import annotations

from collections.abc import Iterable

from musqa_pipeline.storage.fragments import parquet
from musqa_pipeline.storage.fragments.partition import Shelf
from musqa_pipeline.storage.lake.inventory import unit_ids
from musqa_pipeline.storage.lake.lake import Lake
from musqa_pipeline.storage.packs.manifest import read_manifest
from musqa_pipeline.storage.packs.unpacking import retire_units


def restore_units(lake: Lake, shelf: Shelf, wanted: Iterable[str]) -> list[str]:
    """Take units back whose input came back after they were retired.

    Raises
    ------
    LakeError
        If a file cannot be moved.
    """
    there = {file.stem for file in lake.store.files(shelf.retired_key)}
    manifest = read_manifest(lake.store, shelf)
    back = []
    for unit in [unit for unit in wanted if unit in there]:
        if _is_whole(lake, shelf, unit):
            refused = shelf.quarantine
            if _is_whole(lake, refused, unit):  # first: a kill in between redoes the unit
                lake.store.move(refused.retired(unit), refused.key(unit))
            lake.store.move(shelf.retired(unit), manifest.loose_key(shelf, unit))
            back.append(unit)
    return back


def retire_all(lake: Lake, shelf: Shelf) -> int:
    """Move whatever lies on a shelf out of sight, whole or damaged.

    Raises
    ------
    LakeError
        If a file cannot be moved.
    """
    units = unit_ids(lake, shelf)
    retire_units(lake.store, shelf, units)
    return len(units)


def _is_whole(lake: Lake, shelf: Shelf, unit: str) -> bool:
    return parquet.is_current(lake.store, shelf.retired(unit), shelf.fingerprint)
