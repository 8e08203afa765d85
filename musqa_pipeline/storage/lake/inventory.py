"""What lies in a lake, whoever wrote it: all partitions and the units that are there."""

from __future__ import annotations

from musqa_pipeline.storage.fragments.partition import (
    DAMAGED,
    EMPTY_CATALOG,
    LAKE,
    RETIRED,
    Partition,
)
from musqa_pipeline.storage.lake.lake import Lake

SCHEMA_UNIT = "schema"
"""The zero-row file that keeps a view valid."""


def partitions(lake: Lake, stage: str | None = None, *, empty: bool = False) -> list[Partition]:
    """List the partitions that have a folder, of all settings."""
    store, found = lake.store, []
    names = store.folders(LAKE) if stage is None else [stage]
    for name in names:
        if name in {RETIRED, DAMAGED}:
            continue
        for place in store.folders(f"{LAKE}/{name}"):
            kind, _, short = place.partition("=")
            if kind == "run":
                found.append(Partition(name, short))
            elif kind == "settings":
                catalogs = store.folders(f"{LAKE}/{name}/{place}")
                found += [Partition(name, short, c.removeprefix("catalog=")) for c in catalogs]
    return [partition for partition in found if empty or partition.catalog != EMPTY_CATALOG]
