"""Taking a catalog out of the house: its units are retired, its music is not touched."""

from __future__ import annotations

from dataclasses import dataclass

from musqa_pipeline.catalogs.identity import cache_key
from musqa_pipeline.catalogs.known import forget_catalog, load_catalog
from musqa_pipeline.core.home import Home
from musqa_pipeline.core.settings.preset import DEMO_CATALOG
from musqa_pipeline.stages.views.duck import read_published, restore_views
from musqa_pipeline.storage.lake.lake import Lake, partitions, retire_all


@dataclass(frozen=True)
class Removal:
    """What was retired with a catalog."""

    catalog: str
    folder: str
    """Where its music is, as before."""
    n_retired: int
    """Units of all stages and settings, quarantine included, now in ``lake/retired``."""
    presets: tuple[str, ...] = ()
    """Presets that have published results with this catalog; their next run leaves it out."""


def remove_catalog(home: Home, name: str) -> Removal:
    """Retire all units of a catalog and forget it.

    A kill in between leaves the catalog known, so that the same call finishes the work. When the
    catalog is added again, its units are taken back.
    """
    catalog, lake, n_retired = load_catalog(home, name), Lake(home), 0
    with lake.lock("run", wait=False):
        for partition in [one for one in partitions(lake) if one.catalog == name]:
            with lake.lock(partition.lock_name, wait=False):
                n_retired += retire_all(lake, partition)
        lake.store.delete(cache_key(name))
        forget_catalog(home, name)
    if read_published(home)["presets"]:
        restore_views(home)
    presets = read_published(home)["presets"].items()
    wide = "*" if name != DEMO_CATALOG else name
    seen = tuple(sorted(p for p, entry in presets if {name, wide} & set(entry["catalogs"])))
    return Removal(name, str(catalog.folder), n_retired, seen)
