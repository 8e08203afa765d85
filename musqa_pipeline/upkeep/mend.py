"""Taking damaged files out of the way, so that the next run makes them again."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable

from musqa_pipeline.errors import LockedError
from musqa_pipeline.homes import Home
from musqa_pipeline.lake import Lake
from musqa_pipeline.lake.shelf import DAMAGED, LAKE
from musqa_pipeline.upkeep.findings import MENDABLE, Finding
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
    for key in sorted({finding.key for finding in findings if finding.kind in MENDABLE}):
        place = place_of(key)
        if place is None or place.is_record:
            continue
        with contextlib.suppress(LockedError), lake.lock(place.shelf.lock_name, wait=False):
            if lake.store.exists(key):
                lake.store.move(key, f"{LAKE}/{DAMAGED}/{key.removeprefix(f'{LAKE}/')}")
                moved.append(key)
    return moved
