"""Clocks that jump, and files from the future: nothing of a result may hang on either."""

from __future__ import annotations

import os
import time
from pathlib import Path

from tests.drill.ledger import Ledger, Skipped
from tests.drill.zygote import Zygote

LIBRARIES = sorted(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))
DAY_S = 86_400
JUMPS_DAYS = (0, 1826, -1095, 40, -1, 9000)


def other_clock(folder: Path, note: Path, **variables: str) -> Zygote:
    """Start a process whose clock, and that of all that it starts, is what a file says.

    Raises
    ------
    Skipped
        If libfaketime is not installed.
    """
    if not LIBRARIES:
        raise Skipped("libfaketime is not installed; make faults installs it")
    set_clock(note, 0)
    return Zygote(
        folder,
        LD_PRELOAD=str(LIBRARIES[0]),
        FAKETIME_TIMESTAMP_FILE=str(note),
        FAKETIME_NO_CACHE="1",
        FAKETIME_DONT_FAKE_MONOTONIC="1",
        DONT_FAKE_MONOTONIC="1",
        NO_FAKE_STAT="1",
        **variables,
    )


def set_clock(note: Path, days: float) -> None:
    """Let the clock be wrong by so many days from now on."""
    note.write_text(f"{days * DAY_S:+.0f}\n")


def drill_jumps(plant, ledger: Ledger, lake, rng, n: int, **variables) -> None:
    """Let the clock jump by years, back and forth, while a run is under way.

    Each run is killed after two jumps, so that the next one starts at yet another time.
    """
    note = plant.folder / "clock"
    for number in range(n):
        run = plant.run(lake, **variables)
        for _ in range(2):
            time.sleep(rng.uniform(0.1, 0.8))
            days = JUMPS_DAYS[rng.integers(1, len(JUMPS_DAYS))] + number
            set_clock(note, days)
            off = plant.zygote.ask({"time": True}) - time.time()
            alive = run.poll() is None
            if alive:
                seen = abs(off - days * DAY_S) < 60
                ledger.fault("clock jump", f"{days:+d} days", seen and f"off by {off:+.0f} s")
        if run.poll() is None:
            run.send(9)
        if run.wait() == 0:
            break
    ledger.judge(plant.finish(lake, **variables))


def drill_future_files(plant, ledger: Ledger, lake, rng, n: int) -> None:
    """Date files of a finished lake years ahead or back: nothing is made again, nothing differs."""
    files = [p for p in sorted(lake.home.rglob("*")) if p.is_file()]
    for index in rng.choice(len(files), size=min(n, len(files)), replace=False):
        path, years = files[index], int(rng.integers(1, 30)) * (1 if rng.integers(2) else -1)
        there = time.time() + years * 365 * DAY_S
        os.utime(path, (there, there))
        seen = abs(path.stat().st_mtime - there) < 1
        ledger.fault(
            "file from another year", path.relative_to(lake.home), seen and f"{years:+d} years"
        )
    before = {p: p.stat().st_ino for p in sorted((lake.home / "lake").rglob("u7*.parquet"))}
    ledger.judge(plant.finish(lake))
    assert {p: p.stat().st_ino for p in before} == before, "a unit was made again"
