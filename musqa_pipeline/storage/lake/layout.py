"""Which layout a lake has, and its way to the present one.

`lake.json` names the layout. A lake without it is of layout 1, or new. Each migration brings a lake
one layout further; it may leave catalogs whose folder is not there for later, and can be repeated
after a kill. A lake of a later layout is refused: this code would take what it cannot see for
missing.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from musqa_pipeline.core.errors import LakeError
from musqa_pipeline.core.home import Home
from musqa_pipeline.storage.fragments.partition import LAKE
from musqa_pipeline.storage.lake.lake import Lake

LAYOUT = 2
"""The layout that this code writes."""
LAYOUT_KEY = "lake.json"


@dataclass(frozen=True)
class Migrated:
    """What a migration did to one catalog."""

    layout: int
    """The layout that it leads to."""
    catalog: str
    n_adopted: int
    """Units that were taken over."""
    n_left: int
    """Units that could not be: their file changed or is gone."""
    waiting: str = ""
    """Why the catalog waits for another time; empty if it is done."""


@dataclass(frozen=True)
class Migration:
    """One step from a layout to the next."""

    to: int
    what: str
    """Said while it runs."""
    catalogs: Callable[[Home], list[str]]
    """Lists the catalogs that have something to migrate."""
    migrate: Callable[[Home, str], Migrated]
    """Migrates one catalog; a second time changes nothing. Says itself what has to wait."""


def read_layout(lake: Lake) -> dict[str, Any]:
    """Read which layout a lake has.

    Raises LakeError if the record is damaged, or of a layout that this code does not know.
    """
    found = lake.store.read_versioned(LAYOUT_KEY)
    if found is None:
        old = bool(lake.store.folders(f"{LAKE}/tracks"))
        return {"layout": 1 if old else LAYOUT, "waiting": {}}
    at = lake.store.address(LAYOUT_KEY)
    try:
        record = json.loads(found[0])
        layout, waiting = int(record["layout"]), dict(record.get("waiting", {}))
    except (ValueError, KeyError, TypeError) as error:
        raise LakeError(
            f"{at} is damaged ({error}); delete it and run `musqa migrate`, which looks at the "
            "lake anew"
        ) from error
    if layout > LAYOUT:
        raise LakeError(
            f"{at}: this lake has layout {layout}, and this musqa knows layouts up to {LAYOUT}: "
            "it was written by a later release; update musqa, or set MUSQA_HOME to another folder"
        )
    return {"layout": layout, "waiting": waiting}


def stamp_layout(lake: Lake) -> None:
    """Write down the layout of a new lake; call it before the first fragment is written.

    Raises LakeError if the lake is of a later layout, or cannot be written.
    """
    record = read_layout(lake)
    if record["layout"] == LAYOUT and not lake.store.exists(LAYOUT_KEY):
        _write(lake, record)


def apply_migrations(
    home: Home,
    migrations: Iterable[Migration],
    log: Callable[[str], object] | None = None,
) -> list[Migrated]:
    """Bring a lake to the present layout, as far as its catalogs' folders are there.

    Raises LakeError if the lake is of a later layout, or cannot be written.
    """
    lake = Lake(home)
    record = read_layout(lake)
    if record["layout"] == LAYOUT and not any(record["waiting"].values()):
        return []
    done: list[Migrated] = []
    with lake.lock("migrate"):
        record = read_layout(lake)  # another process may have been here
        for migration in migrations:
            left = record["waiting"].get(str(migration.to), [])
            first = record["layout"] < migration.to
            names = migration.catalogs(home) if first else left
            if not names and not first:
                continue
            results = [migration.migrate(home, name) for name in names]
            still = [result.catalog for result in results if result.waiting]
            if first or still != left:
                record["layout"] = max(record["layout"], migration.to)
                record["waiting"] = {**record["waiting"], str(migration.to): still}
                _write(lake, record)
            done += results
            _say(migration, results, left, log)
    return done


def _say(
    migration: Migration,
    results: Iterable[Migrated],
    known: Iterable[str],
    log: Callable[[str], object] | None,
) -> None:
    for result in results:
        if log is None or (result.waiting and result.catalog in known):
            continue  # what waits was said when it began to
        said = result.waiting or f"{result.n_adopted} taken over, {result.n_left} left"
        log(f"layout {migration.to}, {migration.what}, {result.catalog}: {said}")


def _write(lake: Lake, record: dict[str, Any]) -> None:
    lake.store.write_bytes(LAYOUT_KEY, json.dumps(record, sort_keys=True).encode())
