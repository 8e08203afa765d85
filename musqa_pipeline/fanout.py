"""Fan-out: one function over many tasks, on all cores of this machine.

Workers are fresh processes (forkserver) with one thread each, and end by themselves when the
process that started them is killed.
"""

from __future__ import annotations

import multiprocessing
import os
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from typing import Protocol, TypeVar

from musqa_pipeline.errors import SettingsError, StageError

TaskT = TypeVar("TaskT")
ResultT = TypeVar("ResultT")
THREAD_VARIABLES = (
    "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS",
    "POLARS_MAX_THREADS",
)  # fmt: skip


class Fanout(Protocol):
    """Anything that runs a function over tasks and yields results as they come."""

    def map(
        self, function: Callable[[TaskT], ResultT], tasks: Iterable[TaskT]
    ) -> Iterator[ResultT]:
        """Yield ``function(task)`` of every task, in any order; the first error ends it."""
        ...


class Inline:
    """Runs the tasks in this process, one after the other."""

    def map(
        self, function: Callable[[TaskT], ResultT], tasks: Iterable[TaskT]
    ) -> Iterator[ResultT]:
        """Yield ``function(task)`` of every task, in order."""
        for task in tasks:
            yield function(task)


class LocalPool:
    """Runs the tasks in worker processes of this machine.

    Parameters
    ----------
    n_workers : int, optional
        Number of processes; `MUSQA_WORKERS`, or the number of usable cores when left out.
    """

    def __init__(self, n_workers: int | None = None) -> None:
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
        wanted = os.environ.get("MUSQA_WORKERS") or str(cores or 1)
        if not (wanted.isdecimal() and int(wanted) > 0):
            raise SettingsError(
                f"MUSQA_WORKERS={wanted!r}: expected a number of processes, as in 2"
            )
        self.n_workers = n_workers or int(wanted)

    def map(
        self, function: Callable[[TaskT], ResultT], tasks: Iterable[TaskT]
    ) -> Iterator[ResultT]:
        """Yield ``function(task)`` of every task, as they finish.

        Raises
        ------
        StageError
            If a worker dies, for example for want of memory.
        """
        todo = list(tasks)
        if not todo:
            return
        before = {name: os.environ.get(name) for name in THREAD_VARIABLES}
        # Read by BLAS, OpenMP and numba when the workers import them.
        os.environ.update(dict.fromkeys(THREAD_VARIABLES, "1"))
        try:
            context = multiprocessing.get_context("forkserver")
            workers = min(self.n_workers, len(todo))
            with ProcessPoolExecutor(workers, context, initializer=_end_with_parent) as pool:
                try:
                    yield from _as_finished(pool, function, todo, ahead=2 * workers)
                except BrokenProcessPool as error:
                    raise StageError(
                        "a worker process died, perhaps for want of memory; set MUSQA_WORKERS to a "
                        "lower number and run the same command again: what is done stays done"
                    ) from error
        finally:
            for name, value in before.items():
                if value is None:
                    os.environ.pop(name, None)
                else:
                    os.environ[name] = value


def _as_finished(
    pool: ProcessPoolExecutor, function: Callable[[TaskT], ResultT], todo: list[TaskT], ahead: int
) -> Iterator[ResultT]:
    """Keep `ahead` tasks submitted, so that an error or a stop leaves no long queue behind."""
    waiting = iter(todo)
    running: set[Future[ResultT]] = set()
    try:
        for task in waiting:
            running.add(pool.submit(function, task))
            if len(running) >= ahead:
                finished, running = wait(running, return_when=FIRST_COMPLETED)
                for future in finished:
                    yield future.result()
        while running:
            finished, running = wait(running, return_when=FIRST_COMPLETED)
            for future in finished:
                yield future.result()
    finally:
        for future in running:
            future.cancel()


def _end_with_parent() -> None:
    """Let a worker end when its parent is killed; a pool's workers would wait for ever."""

    def watch() -> None:
        parent = multiprocessing.parent_process()
        if parent is not None:
            parent.join()
            os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
