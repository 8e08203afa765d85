"""Fan-out over the cores of this machine: worker processes of one thread each.

They are fresh interpreters, and end by themselves when the process that started them is killed.
"""

from __future__ import annotations

import os
import pickle
import queue
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace

from musqa_pipeline.core.errors import SettingsError
from musqa_pipeline.core.workers.child import ERROR
from musqa_pipeline.core.workers.flow import LOSSES_IN_A_ROW, flow
from musqa_pipeline.core.workers.interface import (
    Limits,
    Lost,
    Needs,
    ResultT,
    TaskT,
    limits_from_environment,
)
from musqa_pipeline.core.workers.pool import WorkerPool
from musqa_pipeline.core.workers.signs import Sign


class LocalPool:
    """Runs the tasks in worker processes of this machine."""

    def __init__(
        self,
        n_workers: int | None = None,
        limits: Limits | None = None,
        most_losses: int | None = LOSSES_IN_A_ROW,
    ) -> None:
        self.n_workers = n_workers or _workers_from_environment()
        self.limits = limits or limits_from_environment()
        self.most_losses = most_losses

    def for_trainings(self) -> LocalPool:
        """Return a process for one training at a time, with all cores and the memory there is."""
        return LocalPool(1, replace(self.limits, memory_gb=None))

    def map(
        self,
        function: Callable[[TaskT], ResultT],
        tasks: Iterable[TaskT],
        *,
        needs: Needs | None = None,
        on_sign: Callable[[TaskT, Sign], object] | None = None,
    ) -> Iterator[ResultT | Lost[TaskT]]:
        """Yield ``function(task)`` of every task, as they finish; lost ones as `Lost`."""
        transport = _Threads(self.n_workers, self.limits)
        try:
            yield from flow(transport, function, tasks, self.most_losses, on_sign)
        finally:
            transport.close()


def _workers_from_environment() -> int:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    wanted = os.environ.get("MUSQA_WORKERS") or str(cores or 1)
    if not (wanted.isdecimal() and int(wanted) > 0):
        raise SettingsError(f"MUSQA_WORKERS={wanted!r}: expected a number of processes, as in 2")
    return int(wanted)


class _Threads:
    """A thread for each worker process: it waits for the process and does nothing else."""

    def __init__(self, n_workers: int, limits: Limits) -> None:
        self._n_workers, self._limits = n_workers, limits
        self._crew = WorkerPool()
        self._threads = ThreadPoolExecutor(max(1, n_workers), "musqa-worker")
        self._inbox: queue.SimpleQueue[tuple[int, bytes]] = queue.SimpleQueue()

    def room(self) -> int:
        return 2 * self._n_workers  # one waits for each that runs

    def submit(self, index: int, payload: bytes, task: object) -> None:
        def put(message: bytes) -> None:
            self._inbox.put((index, message))

        def finish(future: Future[bytes]) -> None:
            if future.cancelled():  # by `close`, when nobody waits for messages any more
                return
            error = future.exception()
            put(pickle.dumps((ERROR, error)) if error else future.result())

        self._threads.submit(self._crew.call, payload, self._limits, put).add_done_callback(finish)

    def next_message(self) -> tuple[int, bytes]:
        return self._inbox.get()

    def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)
        self._crew.dismiss()
        self._threads.shutdown()
