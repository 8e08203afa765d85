"""Dask workers, their nannies, the scheduler and the run itself: killed while units are made."""

from __future__ import annotations

import contextlib
import time

import psutil

from tests.drill.kills import fragments, is_worker, progress
from tests.drill.ledger import Ledger
from tests.stages.engine.cluster.dask_machines import Machines, children_of

KINDS = ("Dask worker", "Dask nanny", "Dask scheduler", "worker", "run")


def drill_cluster(toys, ledger: Ledger, lake_of, rng, counts: dict[str, int]) -> None:
    """Kill so many of each kind; what a run does not survive, the next one ends.

    Parameters
    ----------
    toys, ledger, rng
        As elsewhere.
    lake_of : callable
        Gives a fresh, slow lake for a number.
    counts : dict
        How many of each of `KINDS`.
    """
    folder = toys.folder / "machines"
    folder.mkdir()
    machines, left, number = Machines(folder), dict(counts), 0
    try:
        while any(left.values()):
            lake = lake_of(number)
            number += 1
            while any(left.values()):
                machines.mend()
                run = toys.run(lake, MUSQA_DASK_SCHEDULER=machines.address)
                if _disturb(run, lake, machines, left, ledger, rng) == 0:
                    break
            machines.mend()
            (lake.home / "slow").unlink(missing_ok=True)
            while toys.run(lake, MUSQA_DASK_SCHEDULER=machines.address).wait() != 0:
                machines.mend()  # a worker that was killed before is noticed late
            ledger.judge(toys.finish(lake))
    finally:
        machines.stop()


def _disturb(run, lake, machines, left, ledger: Ledger, rng) -> int:
    while run.poll() is None and any(left.values()):
        wanted = len(fragments(lake.home)) + rng.integers(1, 5)
        deadline = time.monotonic() + 20
        while run.poll() is None and len(fragments(lake.home)) < wanted:
            if time.monotonic() > deadline:
                break
            time.sleep(0.02)
        time.sleep(rng.uniform(0.0, 0.5))
        kinds = [kind for kind, n in left.items() if n]
        kind = kinds[rng.integers(len(kinds))]
        victim = _victim(kind, run, machines, rng)
        if victim is None or run.poll() is not None:
            continue
        moment = progress(lake.home)
        with contextlib.suppress(psutil.NoSuchProcess):
            victim.kill()
            for process in machines.started:
                process.poll()
            psutil.wait_procs([victim], timeout=10)
            gone = not victim.is_running() or victim.status() == psutil.STATUS_ZOMBIE
            left[kind] -= 1
            ledger.fault(f"kill -9 of a {kind} (Dask)", moment, gone and "the process is gone")
        if kind in {"Dask scheduler", "run"}:
            return run.wait()
    return run.wait()


def _victim(kind: str, run, machines: Machines, rng) -> psutil.Process | None:
    with contextlib.suppress(psutil.NoSuchProcess):
        workers = machines.worker_processes()
        choices = {
            "run": lambda: [psutil.Process(run.pid)],
            "Dask scheduler": lambda: [psutil.Process(machines.scheduler.pid)],
            "Dask nanny": lambda: [
                psutil.Process(p.pid)
                for p in machines.started
                if p.poll() is None and "dask_worker" in str(p.args)
            ],
            "Dask worker": lambda: workers,
            "worker": lambda: [c for w in workers for c in children_of(w.pid) if is_worker(c)],
        }[kind]()
        if choices:
            return choices[rng.integers(len(choices))]
    return None
