"""What the scheduling process does at 1,000 to 1,000,000 units, when the units do nothing.

Run ``python -m benchmarks.million_units [--most 1000000] [--dask-most 100000] [--out FILE]``.
Each line is measured in a process of its own, so that its memory is its own:

- list: unit objects with the plans of the stage `labels`, and their ids;
- fanout, dask: no-op tasks through the local pool and through a Dask cluster on loopback, both with
  two workers, each task with the pickled stage, context and plan that a real one has;
- runner: `run_stage` over units of which none is there; nothing is written, all else happens;
- done: `run_stage` over units that are all there, as after a restart; files are hard links. The
  first such run packs them (`packing_s`), the second is the one that is measured.

Rates are units a second of wall time, CPU seconds those of the scheduling process alone, memory its
highest resident size less what it had before. Files of `done` lie in ``--folder`` and go away.
"""

from __future__ import annotations

import argparse
import functools
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa

from musqa_pipeline.core.tables import Column, Table
from musqa_pipeline.core.workers.interface import Fanout
from musqa_pipeline.core.workers.local import LocalPool
from musqa_pipeline.stages.engine.context import Context
from musqa_pipeline.stages.engine.stage import Stage, Unit, run_stage
from musqa_pipeline.stages.graph import load_preset
from musqa_pipeline.storage.fragments.partition import Partition
from musqa_pipeline.storage.lake.lake import Lake

SIZES = (1_000, 10_000, 100_000, 1_000_000)
LINKS_A_FILE = 60_000
"""A file of ext4 has 65,000 names at most."""
N_WORKERS = 2
NOTHING = Table("labels", "nothing", (Column("n", pa.int64(), "a number"),))


class UnwrittenLake(Lake):
    """A lake whose workers write nothing."""

    def write(self, partition: Partition, unit_id: str, table: pa.Table, **_: Any) -> Path:
        """Leave the unit out."""
        return self.path(partition, unit_id)


class UnwrittenContext(Context):
    """A context of an `UnwrittenLake`."""

    @property
    def lake(self) -> Lake:
        """The lake."""
        return UnwrittenLake(self.home)


def unit_id(number: int) -> str:
    """Name a unit as `labels` does."""
    return f"{number:016x}-0-n230"


def unit(number: int) -> Unit:
    """Return a unit with the plan of one of `labels`."""
    excerpt = f"{number:016x}-0"
    return Unit(unit_id(number), excerpt, {"excerpt_id": excerpt, "n_cascades": 230})


def list_units(context: Context) -> list[Unit]:
    """List as many units as a file says."""
    return [unit(n) for n in range(int((context.home / "count").read_text()))]


def make_unit(_: Context, __: Unit) -> pa.Table:
    """Make nothing."""
    return NOTHING.schema.empty_table()


NO_OP = Stage(
    name="labels", version=1, table=NOTHING, tools=("numpy",), units=list_units, make=make_unit
)


def no_op(_: Stage, __: Context, ___: Unit) -> None:
    """Do nothing; runs in a worker."""


def main() -> None:
    """Measure every line in a process of its own, and print and store them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--most", type=int, default=SIZES[-1])
    parser.add_argument("--dask-most", type=int, default=100_000)
    parser.add_argument("--only", nargs="*", choices=MEASURED, default=list(MEASURED))
    parser.add_argument("--folder", type=Path, default=None, help="where the files of `done` lie")
    parser.add_argument("--out", type=Path, default=None, help="a file of JSON lines to add to")
    parser.add_argument("--one", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="musqa-million-", dir=options.folder) as folder:
        if options.one:
            print(json.dumps(measured(options.one[0], int(options.one[1]), Path(folder))))
            return
        for what in options.only:
            most = options.dask_most if what == "dask" else options.most
            for count in (size for size in SIZES if size <= most):
                line = subprocess.run(
                    [sys.executable, "-m", "benchmarks.million_units",
                     "--folder", folder, "--one", what, str(count)],
                    stdout=subprocess.PIPE, text=True, check=True,
                ).stdout.splitlines()[-1]  # fmt: skip
                print(said(json.loads(line)), flush=True)
                if options.out:
                    with options.out.open("a", encoding="utf-8") as file:
                        file.write(line + "\n")


def measured(what: str, count: int, folder: Path) -> dict[str, Any]:
    """Run one measurement in this process.

    Parameters
    ----------
    what : str
        One of `MEASURED`.
    count : int
        How many units.
    folder : Path
        Empty.

    Returns
    -------
    dict
        what, n_units, seconds, cpu_s (of this process), memory_mb, and what the measurement adds.
    """
    preset = load_preset("paper")
    # Imported by name, so that workers find what the tasks name.
    from benchmarks import million_units as this

    context = this.UnwrittenContext(folder, preset, "many", {"labels": "a" * 32})
    (folder / "count").write_text(str(count))
    memory_mb, cpu_s, started = peak_mb(), time.process_time(), time.monotonic()
    more = MEASURED[what](this, context, count, Clock())
    taken = more.pop("clock", None) or (time.monotonic() - started, time.process_time() - cpu_s)
    return {
        "what": what,
        "n_units": count,
        "seconds": round(taken[0], 2),
        "cpu_s": round(taken[1], 2),
        "memory_mb": round(peak_mb() - memory_mb, 1),
        **more,
    }


class Clock:
    """Wall and CPU time since `start`."""

    def start(self) -> None:
        """Begin."""
        self.wall, self.cpu = time.monotonic(), time.process_time()

    def stop(self) -> tuple[float, float]:
        """Return what was taken."""
        return time.monotonic() - self.wall, time.process_time() - self.cpu


def _list(this: Any, context: Context, count: int, clock: Clock) -> dict[str, Any]:
    units = this.list_units(context)
    assert len([unit.unit_id for unit in units]) == count
    return {}


def _through(
    fanout: Fanout, this: Any, context: Context, count: int, clock: Clock
) -> dict[str, Any]:
    function = functools.partial(this.no_op, this.NO_OP, context)
    tasks = (this.unit(number) for number in range(count))
    clock.start()
    assert sum(1 for _ in fanout.map(function, tasks)) == count
    return {"clock": clock.stop()}


def _fanout(this: Any, context: Context, count: int, clock: Clock) -> dict[str, Any]:
    return _through(LocalPool(N_WORKERS), this, context, count, clock)


def _dask(this: Any, context: Context, count: int, clock: Clock) -> dict[str, Any]:
    from musqa_pipeline.stages.engine.cluster.dask_cluster import DaskCluster

    note = context.home / "scheduler.json"
    program = (sys.executable, "-m")
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    command = (*program, "distributed.cli.dask_scheduler", "--host", "127.0.0.1", "--port", "0",
               "--no-dashboard", "--scheduler-file", str(note))  # fmt: skip
    started = [subprocess.Popen(command, **quiet)]
    try:
        while not (note.exists() and note.read_text()):
            time.sleep(0.05)
        address = json.loads(note.read_text())["address"]
        command = (*program, "distributed.cli.dask_worker", address, "--host", "127.0.0.1",
                   "--nthreads", "1", "--no-dashboard",
                   "--local-directory", str(context.home))  # fmt: skip
        started += [subprocess.Popen(command, **quiet) for _ in range(N_WORKERS)]
        import psutil
        from distributed import Client

        with Client(address, set_as_default=False) as client:
            client.wait_for_workers(N_WORKERS, timeout=60)
        found = _through(DaskCluster(address), this, context, count, clock)
        scheduler = psutil.Process(started[0].pid)
        times = scheduler.cpu_times()
        return found | {
            "scheduler_cpu_s": round(times.user + times.system, 2),
            "scheduler_memory_mb": round(scheduler.memory_info().rss / 2**20, 1),
        }
    finally:
        for process in reversed(started):
            process.terminate()
            process.wait()


def _runner(this: Any, context: Context, count: int, clock: Clock) -> dict[str, Any]:
    report = run_stage(this.NO_OP, context, fanout=LocalPool(N_WORKERS), log=lambda _: None)
    assert (report.units, report.made) == (count, count)
    return {}


def _done(this: Any, context: Context, count: int, clock: Clock) -> dict[str, Any]:
    plain = Context(context.home, context.preset, context.catalog, context.fingerprints)
    lake, partition = plain.lake, this.NO_OP.partition(plain)
    source = Path()
    for number in range(count):
        if number % LINKS_A_FILE == 0:
            source = lake.write(partition, this.unit_id(number), NOTHING.schema.empty_table())
        else:
            os.link(source, lake.path(partition, this.unit_id(number)))
    clock.start()
    assert len(lake.done(partition)) == count
    more = {"listing_s": round(clock.stop()[0], 2)}
    for what in ("packing_s", "clock"):
        clock.start()
        report = run_stage(this.NO_OP, plain, fanout=LocalPool(N_WORKERS), log=lambda _: None)
        assert (report.units, report.made) == (count, 0)
        more[what] = clock.stop() if what == "clock" else round(clock.stop()[0], 2)
    return more


def peak_mb() -> float:
    """Return the highest resident size of this process so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def said(line: dict[str, Any]) -> str:
    """Say a measurement in a line of text."""
    n = line["n_units"]
    more = ", ".join(f"{k} {v}" for k, v in line.items() if k not in _SAID)
    return (
        f"{line['what']:<7} {n:>9,} units  {n / max(line['seconds'], 1e-9):>9,.0f} a second"
        f"  {1e6 * line['cpu_s'] / n:>7,.0f} µs CPU each  {line['memory_mb']:>7,.0f} MB  {more}"
    )


_SAID = ("what", "n_units", "seconds", "cpu_s", "memory_mb")
MEASURED: dict[str, Callable[..., dict[str, Any]]] = {
    "list": _list, "fanout": _fanout, "runner": _runner, "done": _done, "dask": _dask,
}  # fmt: skip


if __name__ == "__main__":
    main()
