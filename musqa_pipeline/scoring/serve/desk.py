"""Who is served next: a few worker processes and a bounded queue.

Each recording is worked on in a process that is killed when its time is up, so that a hostile file
can neither hold a server up nor end it.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from musqa_pipeline.core.errors import MusqaError, SettingsError, UnfitInputError
from musqa_pipeline.core.workers.interface import Limits, Lost
from musqa_pipeline.core.workers.pool import StoppedError, WorkerPool
from musqa_pipeline.scoring.serve.problems import RETRY_AFTER_S, ProblemError, unfit
from musqa_pipeline.scoring.serve.settings import ServeSettings
from musqa_pipeline.scoring.serve.spool import Spool

ResultT = TypeVar("ResultT")


class Desk:
    """Takes requests in, up to a number, and runs their work in processes.

    `parent` is that of the folder for files; see `Spool`.
    """

    def __init__(self, settings: ServeSettings, parent: Path | None = None) -> None:
        self._limits = Limits(time_s=settings.timeout_s)
        self._room = settings.workers + settings.waiting
        self.n_admitted = 0
        """Requests that are being served or wait."""
        self._crew = WorkerPool()
        self._threads = ThreadPoolExecutor(settings.workers, "musqa-serve")
        self.spool = Spool(settings.disk_bytes, parent)

    def refuse_if_full(self) -> None:
        """Tell a client now, by a 503, what it would be told after it has sent a recording."""
        if self.n_admitted >= self._room:
            raise ProblemError(
                503,
                "busy",
                f"{self.n_admitted} recordings are being scored or wait; try again in a moment",
                retry_after_s=RETRY_AFTER_S,
            )

    @contextlib.contextmanager
    def admitted(self) -> Iterator[None]:
        """Let a request in, whose recording is there, or refuse it as `refuse_if_full` does."""
        self.refuse_if_full()
        self.n_admitted += 1
        try:
            yield
        finally:
            self.n_admitted -= 1

    async def run(self, work: Callable[..., ResultT], *arguments: object) -> ResultT:
        """Run a function of a module in a worker process, within the time limit.

        Raise ProblemError: 504 if it takes too long, 422 if the file cannot be scored or its worker
        dies, 503 if the server is stopping, 500 if it is at fault.
        """
        stopping = ProblemError(503, "stopping", "the server is stopping; start it anew")
        loop, task = asyncio.get_running_loop(), (work, arguments)
        try:
            running = loop.run_in_executor(
                self._threads, self._crew.run, _apply, task, self._limits
            )
        except RuntimeError as error:  # the pool of threads takes no more
            raise stopping from error
        try:
            found = await running
        except StoppedError as error:
            raise stopping from error
        except Exception as error:
            raise _told(error) from error
        if isinstance(found, Lost):
            raise self._lost(found.reason)
        return found

    def stop(self) -> None:
        """End the workers; whoever waits for one is told so."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        self._crew.dismiss()

    def close(self) -> None:
        """End the workers and delete all files."""
        self.stop()
        self._threads.shutdown()
        self.spool.close()

    def _lost(self, reason: str) -> ProblemError:
        if reason.startswith("took longer"):
            return ProblemError(
                504,
                "too_slow",
                f"scoring took longer than {self._limits.time_s:g} s and was stopped; send a "
                "shorter part, or start the server with a larger --timeout-s",
            )
        return ProblemError(
            422,
            "crashed",
            "the process that read this file died of it; convert the file to WAV or FLAC and try "
            "again",
        )


def _apply(task: tuple[Callable[..., ResultT], tuple[object, ...]]) -> ResultT:
    """Run a function with its arguments; in the worker."""
    work, arguments = task
    return work(*arguments)


def _told(error: Exception) -> ProblemError:
    if isinstance(error, UnfitInputError):
        return unfit(error)
    if isinstance(error, SettingsError):
        return ProblemError(422, "bad_settings", str(error))
    if isinstance(error, MusqaError):
        return ProblemError(500, "server_error", str(error))
    if isinstance(error, MemoryError):
        return ProblemError(422, "too_much_memory", "it needs too much memory; send a part of it")
    return ProblemError(
        500, "server_error", f"scoring failed ({type(error).__name__}); please report it"
    )
