"""Taking damaged files out of the way, so that the next run makes them again."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable

from musqa_pipeline.database.duck import read_published, restore_views
from musqa_pipeline.errors import LockedError
from musqa_pipeline.homes import Home
from musqa_pipeline.lake import Lake
from musqa_pipeline.lake.shelf import DAMAGED, LAKE
from musqa_pipeline.upkeep.findings import MENDABLE, Finding
from musqa_pipeline.upkeep.packed import mend_pack, packed_shelves
from musqa_pipeline.upkeep.places import place_of


def mend(home: Home, findings: Iterable[Finding]) -> list[str]:
    """Move files that cannot be trusted to ``lake/damaged/``.

    Parameters
    ----------
    home : Home
        `MUSQA_HOME`.
    findings : iterable of Finding
        From `verify_lake`.

    Returns
    -------
    list of str
        Keys of what was moved. Left alone is what no stage can make again (records of decisions,
        frozen test rows), and what a run is working on.

    Raises
    ------
    LakeError
        If a file cannot be moved.
    """
    lake, moved = Lake(home), []
    owner = {key: one.shelf for one in packed_shelves(lake)[0] for key in one.manifest.packs}
    bad = [f.key for f in findings if f.kind in MENDABLE or f.key in owner]
    packs = []
    for key in sorted(set(bad)):
        place = place_of(key)
        shelf = owner.get(key) or (place.shelf if place and not place.is_record else None)
        if shelf is None:
            continue
        with contextlib.suppress(LockedError), lake.lock(shelf.lock_name, wait=False):
            if key in owner:
                mend_pack(lake.store, shelf, key)
                packs.append(key)
            elif lake.store.exists(key):
                _put_aside(lake, key)
            moved.append(key)
    if packs:
        if read_published(home)["presets"]:
            restore_views(home)  # until now views may read them
        for key in packs:
            if lake.store.exists(key):
                _put_aside(lake, key)
    return moved


def _put_aside(lake: Lake, key: str) -> None:
    lake.store.move(key, f"{LAKE}/{DAMAGED}/{key.removeprefix(f'{LAKE}/')}")
