"""What lies in a lake, whoever wrote it: all shelves and the units that are there."""

from __future__ import annotations

from musqa_pipeline.storage.fragments.partition import DAMAGED, EMPTY_CATALOG, LAKE, RETIRED, Shelf
from musqa_pipeline.storage.lake.lake import Lake
from musqa_pipeline.storage.lake.reading import all_units

SCHEMA_UNIT = "schema"
"""The zero-row file that keeps a view valid."""


def shelves(lake: Lake, stage: str | None = None, *, empty: bool = False) -> list[Shelf]:
    """List the shelves that have a folder, of all settings."""
    store, found = lake.store, []
    names = store.folders(LAKE) if stage is None else [stage]
    for name in names:
        if name in {RETIRED, DAMAGED}:
            continue
        for place in store.folders(f"{LAKE}/{name}"):
            kind, _, short = place.partition("=")
            if kind == "run":
                found.append(Shelf(name, short))
            elif kind == "settings":
                catalogs = store.folders(f"{LAKE}/{name}/{place}")
                found += [Shelf(name, short, c.removeprefix("catalog=")) for c in catalogs]
    return [shelf for shelf in found if empty or shelf.catalog != EMPTY_CATALOG]


def unit_ids(lake: Lake, shelf: Shelf) -> list[str]:
    """List the units that lie on a shelf, packed or loose, whatever is in them."""
    return all_units(lake.store, shelf)
