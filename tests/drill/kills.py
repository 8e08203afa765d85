"""kill -9 of the process that executes a run, and of the workers that make its units."""

from __future__ import annotations

import contextlib
import time

import psutil

from tests.drill.commits import check_all_whole
from tests.drill.ledger import Ledger

PATIENCE_S = 20.0
"""A stage without new units is left to the clock after this time."""
WORKER = "musqa_pipeline.core.workers.child"


def drill_random_kills(
    plant, ledger: Ledger, rng, *, n_runs: int, n_workers: int, lake_of, pause_s: float, **variables
) -> None:
    """Kill runs and their workers at random moments until so many of each are dead.

    Parameters
    ----------
    plant : Toys or Plant
        What is run.
    ledger : Ledger
        What counts.
    rng : numpy.random.Generator
        Draws victims and moments.
    n_runs, n_workers : int
        How many to kill.
    lake_of : callable
        Gives a fresh lake for a number; a lake whose run gets through is judged, and followed by
        the next one.
    pause_s : float
        Mean time between two kills.
    variables : str
        Environment of the runs.
    """
    left = {"run": n_runs, "worker": n_workers}
    number = 0
    while any(left.values()):
        lake = lake_of(number)
        number += 1
        while any(left.values()):
            run = plant.run(lake, MUSQA_WORKERS="2", **variables)
            if _disturb(run, lake, left, ledger, rng, pause_s) == 0:
                break  # it got through
            check_all_whole(lake.home)
        ledger.judge(plant.finish(lake))


def _disturb(run, lake, left: dict[str, int], ledger: Ledger, rng, pause_s: float) -> int:
    """Kill workers of a run, and perhaps the run; return how it ended."""
    while run.poll() is None and any(left.values()):
        # Some moments lie before the first unit, the others are counted in units.
        wanted = len(fragments(lake.home)) + rng.integers(0, 5)
        patience = time.monotonic() + PATIENCE_S
        while run.poll() is None and len(fragments(lake.home)) < wanted:
            if time.monotonic() > patience:
                break
            time.sleep(0.05)
        time.sleep(rng.uniform(0.0, 2.0) * pause_s)
        kinds = [kind for kind, n in left.items() if n]
        kind = kinds[rng.integers(len(kinds))]
        family = family_of(run.pid)
        if kind == "run":
            moment = progress(lake.home)
            with contextlib.suppress(ProcessLookupError):
                run.send(9)
            code = run.wait()
            _, alive = psutil.wait_procs(family, timeout=30)
            assert not alive, f"workers outlive their run: {alive}"
            if code == -9:  # else it had just ended
                left[kind] -= 1
                ledger.fault("kill -9 of a run", moment, "ended by SIGKILL, its workers with it")
            return code
        workers = [p for p in family if is_worker(p)]
        if workers:
            victim, moment = workers[rng.integers(len(workers))], progress(lake.home)
            with contextlib.suppress(psutil.NoSuchProcess):
                victim.kill()
                psutil.wait_procs([victim], timeout=10)
                if not victim.is_running() and run.poll() is None:
                    left[kind] -= 1
                    ledger.fault(
                        "kill -9 of a worker", moment, "the worker is gone, its run goes on"
                    )
    return run.wait()


def family_of(pid: int) -> list[psutil.Process]:
    """List the processes that a process started."""
    with contextlib.suppress(psutil.NoSuchProcess):
        return psutil.Process(pid).children(recursive=True)
    return []


def is_worker(process: psutil.Process) -> bool:
    """Tell whether a process makes units."""
    with contextlib.suppress(psutil.NoSuchProcess):
        return any(WORKER in part for part in process.cmdline())
    return False


def fragments(home) -> list:
    """List the files of a lake."""
    return [p for p in (home / "lake").rglob("*.parquet") if p.name != "schema.parquet"]


def progress(home) -> str:
    """Say how far a lake is: the stages and how many units each has."""
    counts: dict[str, int] = {}
    for path in fragments(home):
        stage = path.relative_to(home / "lake").parts[0]
        counts[stage] = counts.get(stage, 0) + 1
    return ", ".join(f"{stage} {n}" for stage, n in sorted(counts.items())) or "nothing yet"
