"""Kills at every moment at which a file is moved into place: before it, and right after it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pyarrow.parquet as pq

from tests.drill.ledger import Ledger
from tests.drill.points import Point


def drill_every_commit(toys, ledger: Ledger, *, most: int = 1000) -> None:
    """Walk through a whole run of the toy stage from commit to commit, killed at each, twice.

    A run that is killed before its first move has done nothing; one that is killed after it has
    made one step. So each state that a run can leave behind is seen, with and without half a
    file beside it.
    """
    lake, seen, skip, n = toys.lake("commits"), set(), 0, 0
    while n < most:
        for when in ("before", "after"):
            note = lake.root / f"note-{n}"
            point = Point(f"{lake.home}/*", skip, when)
            code = toys.run(lake, DRILL_POINT=point.variable(note)).wait()
            if code == 0:  # there were no more moves than those that were skipped
                assert not note.exists()
                assert n, "not one kill"
                ledger.judge(toys.finish(lake))
                return
            n += 1
            path = note.read_text()
            assert Path(path).exists() or when == "before"
            where = Path(path).relative_to(lake.home)
            proof = f"ended by SIGKILL, note says {where.name}" if code == -9 else ""
            ledger.fault(f"kill {when} a file is moved into place", where, proof)
            check_all_whole(lake.home)
            if when == "before" and path in seen:
                skip += 1  # this one is moved at each run
        seen.add(path)
    ledger.judge(toys.finish(lake))


@dataclass(frozen=True)
class Moment:
    """A point in a run of the graph."""

    until: str
    """Last stage of the run, so that the moments of later stages are still to come."""
    point: Point
    in_worker: bool = False
    """Whether it is a worker that is killed there; its run goes on."""


def drill_points(plant, ledger: Ledger, moments: list[Moment]) -> None:
    """Kill runs of the whole graph at named moments, one after the other, on one lake."""
    lake = plant.lake("points")
    for number, moment in enumerate(moments):
        note, point = lake.root / f"note-{number}", moment.point
        variable = "DRILL_WORKER_POINT" if moment.in_worker else "DRILL_POINT"
        code = plant.run(lake, until=moment.until, **{variable: point.variable(note)}).wait()
        assert note.exists(), f"{point} never came: {plant.log(lake)}"
        where = Path(note.read_text()).relative_to(lake.home)
        if moment.in_worker:
            proof = "the worker left its note, the run went on" * (code == 0)
            ledger.fault(f"kill of a worker {point.when} it moves a file", where, proof)
        else:
            proof = "ended by SIGKILL, with its note" * (code == -9)
            ledger.fault(f"kill {point.when} a file is moved into place", where, proof)
        check_all_whole(lake.home)
    ledger.judge(plant.finish(lake))


def check_all_whole(home: Path) -> None:
    """Read every file that has its final name."""
    for path in (home / "lake").rglob("*.parquet"):
        if not path.name.startswith("."):
            pq.read_table(path, partitioning=None)
