"""Child processes and their supervision: one call runs one task within its limits.

The same supervision serves the local pool and each Dask worker, so that a hang, a death and a
swollen process end alike everywhere. A child has one thread and leads a process group.
"""

from __future__ import annotations

import os
import pickle
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from multiprocessing.connection import Connection

from musqa_pipeline.core.errors import MusqaError
from musqa_pipeline.core.workers.child import ERROR, IDLE_S, LOST, STARTED
from musqa_pipeline.core.workers.interface import UNIT_LIMIT, Limits, Lost, ResultT, TaskT
from musqa_pipeline.core.workers.signs import is_sign, unpack

THREAD_VARIABLES = (
    "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS",
    "POLARS_MAX_THREADS",
)  # fmt: skip
ATTEMPTS = 2
"""A death may be chance (the kernel looked for memory); the second one is the task's own."""
POLL_S = 1.0
START_S = 60.0
"""Time for a new child to import what its task needs."""
TERM_S = 2.0
"""Time for a child that is stopped to clear away a half-written file."""


class StoppedError(MusqaError):
    """The pool was dismissed while a task ran; nobody waits for its result."""


class WorkerPool:
    """Child processes that wait for tasks; any thread may call, each call takes one child."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._idle: list[_Child] = []
        self._busy: set[_Child] = set()
        self._dismissed = False

    def call(
        self, payload: bytes, limits: Limits, on_sign: Callable[[bytes], object] | None = None
    ) -> bytes:
        """Run one task in a child process; a child that dies is replaced.

        `on_sign` gets the message of each sign of life that the task gives.

        Raises StoppedError if the pool is dismissed meanwhile.
        """
        reason = ""
        for _ in range(ATTEMPTS):
            child = self._take()
            try:
                answer = child.ask(payload, limits, on_sign)
            except _TooLongError as silence:
                self._drop(child)
                reason = str(silence)
                break
            except _ChildDiedError as death:
                self._drop(child)
                reason = f"a worker process died {ATTEMPTS} times on it, {death}"
            else:
                self._give_back(child)
                return answer
        return pickle.dumps((LOST, reason))

    def run(
        self, function: Callable[[TaskT], ResultT], task: TaskT, limits: Limits
    ) -> ResultT | Lost[TaskT]:
        """Run a function over one task in a child process.

        Raises StoppedError if the pool is dismissed meanwhile, and what the function raises.
        """
        kind, value = pickle.loads(self.call(pickle.dumps((function, task)), limits))
        if kind == ERROR:
            raise value
        if kind == LOST:
            return Lost(task, value)
        result: ResultT = value
        return result

    def dismiss(self) -> None:
        """End all children, busy ones too."""
        with self._lock:
            self._dismissed = True
            idle, busy, self._idle = self._idle, list(self._busy), []
        for child in idle:
            child.close()
        for child in busy:
            child.terminate()
        deadline = time.monotonic() + TERM_S
        for child in busy:  # the thread that called closes it
            child.end(deadline)

    def _take(self) -> _Child:
        with self._lock:
            if self._dismissed:
                raise StoppedError("the pool was dismissed")
            stale = [c for c in self._idle if time.monotonic() - c.idle_since > IDLE_S / 2]
            self._idle = [c for c in self._idle if c not in stale]
            child = self._idle.pop() if self._idle else _Child()
            self._busy.add(child)
        for old in stale:
            old.close()
        return child

    def _give_back(self, child: _Child) -> None:
        with self._lock:
            self._busy.discard(child)
            if not self._dismissed:
                child.idle_since = time.monotonic()
                self._idle.append(child)
                return
        child.close()

    def _drop(self, child: _Child) -> None:
        child.close()
        with self._lock:
            self._busy.discard(child)
            if self._dismissed:
                raise StoppedError("the pool was dismissed")


class _TooLongError(Exception):
    """A task passed its time limit; the text says which and what to do."""


class _ChildDiedError(Exception):
    """A child ended without an answer; the text says how and what to do."""


class _Child:
    """One child process, with the channel to it."""

    def __init__(self) -> None:
        ours, theirs = socket.socketpair()
        program = (
            f"import sys; sys.path[:] = {sys.path!r}; "
            f"from musqa_pipeline.core.workers.child import serve; serve({theirs.fileno()})"
        )
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-c", program],
                stdin=subprocess.DEVNULL,
                # Read by BLAS, OpenMP and numba when the child imports them.
                env={**os.environ, **dict.fromkeys(THREAD_VARIABLES, "1")},
                pass_fds=[theirs.fileno()],
                process_group=0,  # ffmpeg ends with it, Ctrl-C is ours to handle
            )
        self._channel = Connection(ours.detach())
        self._end_lock = threading.Lock()
        self.idle_since = time.monotonic()

    def ask(
        self, payload: bytes, limits: Limits, on_sign: Callable[[bytes], object] | None
    ) -> bytes:
        """Send a task and wait for the answer."""
        deadline = time.monotonic() + START_S + limits.time_s
        too_long = (
            f"took longer than {limits.time_s:g} s and was given up; look at its input, or raise "
            f"{UNIT_LIMIT}"
        )
        try:
            self._channel.send_bytes(payload)
            while True:
                if self._channel.poll(min(POLL_S, max(0.0, deadline - time.monotonic()))):
                    answer = self._channel.recv_bytes()
                    if is_sign(answer):
                        sign = unpack(answer)
                        deadline = time.monotonic() + sign.within_s
                        too_long = (
                            f"gave no sign of life for {sign.within_s:g} s and was given up; see "
                            f"what it hangs on, or raise {sign.limit}"
                        )
                        if on_sign:
                            on_sign(answer)
                    elif answer == STARTED:
                        deadline = time.monotonic() + limits.time_s
                    else:
                        return answer
                elif time.monotonic() >= deadline:
                    raise _TooLongError(too_long)
                self._check_memory(limits)
        except (EOFError, OSError):
            raise _ChildDiedError(
                f"{self._ending()}; if it wanted memory, set MUSQA_WORKERS (with Dask: --nthreads) "
                "to a lower number"
            ) from None

    def terminate(self) -> None:
        """Ask it to end."""
        if self._process.poll() is None:
            self._process.terminate()

    def end(self, deadline: float = 0.0) -> None:
        """Kill it, and whatever it started, at a time of the monotonic clock if it still runs."""
        with self._end_lock:
            if self._process.returncode is None:
                try:
                    self._process.wait(max(0.0, deadline - time.monotonic()))
                except subprocess.TimeoutExpired:
                    os.killpg(self._process.pid, signal.SIGKILL)
                    self._process.wait()

    def close(self) -> None:
        """Kill it and forget it; only for the thread that has it."""
        self.end()
        self._channel.close()

    def _ending(self) -> str:
        try:
            code = self._process.wait(POLL_S)
        except subprocess.TimeoutExpired:
            return "without closing its channel"
        return f"by signal {signal.Signals(-code).name}" if code < 0 else f"with exit code {code}"

    def _check_memory(self, limits: Limits) -> None:
        if limits.memory_gb is None:
            return
        import psutil

        used = 0
        try:
            leader = psutil.Process(self._process.pid)
            for process in [leader, *leader.children(recursive=True)]:
                used += process.memory_info().rss
        except psutil.NoSuchProcess:
            return  # it, or a program of it, has just ended
        if used > limits.memory_gb * 1e9:
            raise _ChildDiedError(
                f"stopped at {used / 1e9:.1f} GB of memory; raise MUSQA_WORKER_MEMORY_GB (now "
                f"{limits.memory_gb:g}), perhaps with fewer workers"
            )
