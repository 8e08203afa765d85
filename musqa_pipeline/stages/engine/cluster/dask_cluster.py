"""Fan-out over the workers of a Dask scheduler, on as many machines as it has.

A Dask worker computes nothing itself: each of its threads hands a task to a child process and
supervises it as the local pool does. So a hang, a death and a swollen process end alike in both,
and a worker that serves many runs stays clean.
"""

from __future__ import annotations

import collections
import itertools
import logging
import os
import pickle
import queue
import socket
import time
import warnings
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from distributed import Client, Future
from distributed.comm import parse_address, parse_host_port
from distributed.scheduler import KilledWorker

from musqa_pipeline.core.errors import MachineError, SettingsError, StageError, first_line
from musqa_pipeline.core.workers.child import LOST
from musqa_pipeline.core.workers.flow import flow
from musqa_pipeline.core.workers.interface import (
    Fanout,
    Limits,
    Lost,
    Needs,
    ResultT,
    TaskT,
    limits_from_environment,
)
from musqa_pipeline.core.workers.local import LocalPool
from musqa_pipeline.core.workers.signs import Sign
from musqa_pipeline.stages.engine.cluster.dask_worker import dismiss, refusal, topic_of, work
from musqa_pipeline.stages.engine.cluster.sites import objection, this_site

CONNECT_S = 10.0
GPU = "GPU"
"""The resource that a Dask worker with a GPU offers."""
PROBE_S = 5.0
"""Time without an answer after which the scheduler is asked whether it is there."""
AHEAD_S = 1.0
"""As many tasks are sent ahead as end in this time."""
NO_WORKERS_S = 60.0
"""A worker that died is replaced by its nanny in seconds."""
START = "`dask scheduler --host HOST` and, on each machine, `dask worker tcp://HOST:8786`"


class DaskCluster:
    """Runs the tasks on the workers of a Dask scheduler."""

    def __init__(self, address: str, limits: Limits | None = None) -> None:
        self.address = address
        self.limits = limits or limits_from_environment()

    def for_trainings(self) -> Fanout:
        """Return the cluster if it offers a GPU, else this machine; SettingsError if it is away."""
        client = _connect(self.address)
        try:
            _, n_gpus = _count(client, self.address)
        finally:
            client.close(timeout=CONNECT_S)
        return self if n_gpus else LocalPool(limits=self.limits).for_trainings()

    def map(
        self,
        function: Callable[[TaskT], ResultT],
        tasks: Iterable[TaskT],
        *,
        needs: Needs | None = None,
        on_sign: Callable[[TaskT, Sign], object] | None = None,
    ) -> Iterator[ResultT | Lost[TaskT]]:
        """Yield ``function(task)`` of every task, as they finish; lost ones as `Lost`.

        Raises SettingsError if no scheduler answers, or it has no workers; StageError if a worker's
        versions or its lake are others, or the scheduler goes away.
        """
        waiting = iter(tasks)
        try:
            first = next(waiting)
        except StopIteration:
            return
        transport = _Workers(self.address, self.limits, needs or Needs())
        try:
            yield from flow(transport, function, itertools.chain([first], waiting), on_sign=on_sign)
        finally:
            transport.close()


class _Workers:
    """The transport: futures of the scheduler, each of which gives pickled bytes."""

    def __init__(self, address: str, limits: Limits, needs: Needs) -> None:
        self._address, self._limits = address, limits
        self._run = os.urandom(8).hex()
        self._futures: dict[int, Future] = {}
        self._on_gpu: set[int] = set()
        """Tasks under way that want a GPU."""
        self._inbox: queue.SimpleQueue[tuple[int, bytes | None]] = queue.SimpleQueue()
        """Signs of life, and None for a task that has ended."""
        self._unsent: dict[bool, dict[int, bytes]] = {False: {}, True: {}}
        """Payloads by whether they want a GPU."""
        self._ended: collections.deque[float] = collections.deque()
        self._client = _connect(address)
        try:
            self._seen = time.monotonic()
            self._n_threads, self._n_gpus = _count(self._client, address)
            if not self._n_threads:
                raise SettingsError(
                    f"the Dask scheduler at {address} has no workers; start some, on each machine, "
                    f"with `dask worker {address}`"
                )
            self._site = this_site(needs)
            self._gpu = needs.gpu if self._n_gpus else None
            self._examine()
            self._client.subscribe_topic(topic_of(self._run), self._hear)
        except BaseException:
            self._client.close(timeout=CONNECT_S)
            raise

    def room(self) -> int:
        # One waits for each that runs. Tasks that take no time wait for the messages instead, so as
        # many are sent ahead as ended lately.
        oldest = time.monotonic() - AHEAD_S
        while self._ended and self._ended[0] < oldest:
            self._ended.popleft()
        return max(2, 2 * int(self._n_threads), len(self._ended))

    def submit(self, index: int, payload: bytes, task: object) -> None:
        if on_gpu := bool(self._gpu and self._gpu(task)):
            self._on_gpu.add(index)
        self._unsent[on_gpu][index] = payload

    def next_message(self) -> tuple[int, bytes]:
        while True:
            if self._inbox.empty():
                self._send()
            try:
                index, sign = self._inbox.get(timeout=PROBE_S)
            except queue.Empty:
                self._probe()
                continue
            if sign:
                self._seen = time.monotonic()
                return index, sign
            future = self._futures.pop(index)
            try:
                answer = self._answer_of(future)
            except TimeoutError:  # its worker died with the result; it is made again
                self._watch(index, future)
                continue
            self._seen = time.monotonic()
            self._ended.append(self._seen)
            future.release()
            self._on_gpu.discard(index)
            return index, answer

    def close(self) -> None:
        futures = list(self._futures.values())
        self._futures.clear()
        try:
            if self._client.status == "running":
                self._client.cancel(futures, force=True)
                self._client.sync(self._client._run, dismiss, self._run, callback_timeout=CONNECT_S)
        except Exception:  # what is left there ends by itself after a while
            pass
        finally:
            self._client.close(timeout=CONNECT_S)

    def _send(self) -> None:
        """Send what was submitted, in one message: that halves what a task costs the scheduler."""
        for on_gpu, unsent in self._unsent.items():
            if unsent:
                self._send_some(list(unsent), list(unsent.values()), on_gpu=on_gpu)
                unsent.clear()

    def _send_some(self, indexes: list[int], payloads: list[bytes], *, on_gpu: bool) -> None:
        try:
            futures = self._client.map(
                work,
                indexes,
                payloads,
                key=[f"musqa-{self._run}-{index}" for index in indexes],
                pure=False,
                resources={GPU: 1} if on_gpu else None,
                run=self._run,
                limits=self._limits,
                site=self._site,
            )
        except Exception as error:
            raise _gone(self._address) from error
        for index, future in zip(indexes, futures, strict=True):
            self._watch(index, future)

    def _watch(self, index: int, future: Future) -> None:
        self._futures[index] = future
        future.add_done_callback(lambda _: self._inbox.put((index, None)))

    def _hear(self, event: tuple[float, dict[str, Any]]) -> None:
        self._inbox.put((event[1]["index"], event[1]["message"]))

    def _answer_of(self, future: Future) -> bytes:
        if future.status in ("cancelled", "lost"):
            raise _gone(self._address)
        try:
            answer: bytes = future.result(timeout=CONNECT_S)
        except KilledWorker as error:
            return pickle.dumps((LOST, f"the Dask workers that ran it died: {first_line(error)}"))
        except (TimeoutError, StageError):
            raise
        except Exception as error:
            if future.status == "error":
                raise StageError(
                    f"a Dask worker failed ({type(error).__name__}: {error}); look into its log, "
                    "and run the same command again: what is done stays done"
                ) from error
            raise _gone(self._address) from error
        return answer

    def _probe(self) -> None:
        """See that the scheduler and workers for what is under way are there, else end the wait."""
        if self._client.status != "running" or any(
            future.status in ("cancelled", "lost") for future in self._futures.values()
        ):
            raise _gone(self._address)
        self._n_threads, self._n_gpus = _count(self._client, self._address)
        now = time.monotonic()
        only_gpus = bool(self._on_gpu) and self._futures.keys() <= self._on_gpu
        if self._n_gpus if only_gpus else self._n_threads:
            self._seen = now
        elif now - self._seen > NO_WORKERS_S:
            wanted = "workers with a GPU" if only_gpus else "workers"
            raise MachineError(
                f"the Dask scheduler at {self._address} has had no {wanted} for "
                f"{NO_WORKERS_S:.0f} s; start some and run the same command again: what is done "
                "stays done"
            )

    def _examine(self) -> None:
        """Refuse workers that would give other results, before anything starts."""
        try:
            found: dict[str, Any] = self._client.sync(
                self._client._run,
                *(objection, self._site),
                on_error="return",
                callback_timeout=6 * CONNECT_S,
            )
        except Exception as error:
            raise StageError(
                f"the Dask workers of {self._address} cannot be asked for their versions "
                f"({first_line(error)}); install the same musqa on all machines"
            ) from error
        for worker, answer in found.items():
            if answer:
                raise StageError(refusal(worker, answer))


def _gone(address: str) -> MachineError:
    return MachineError(
        f"the Dask scheduler at {address} went away or was restarted; start it and its workers, "
        "and run the same command again: what is done stays done"
    )


def _count(client: Client, address: str) -> tuple[float, float]:
    """Count the workers' threads, and the GPUs that they offer, as ``--resources GPU=1``."""
    assert client.scheduler is not None  # it was connected
    try:
        found = client.sync(client.scheduler.identity, callback_timeout=CONNECT_S)
    except Exception as error:
        raise _gone(address) from error
    workers = found["workers"].values()
    n_gpus = sum(worker["resources"].get(GPU, 0) for worker in workers)
    return sum(worker["nthreads"] for worker in workers), n_gpus


def _connect(address: str) -> Client:
    # Its long reports of a lost scheduler are ours to sum up.
    logging.getLogger("distributed.client").setLevel(logging.CRITICAL)
    try:
        host, port = parse_host_port(parse_address(address, strict=True)[1])
        # Looked for here first: a client that fails to connect can block later ones, when the
        # collector closes it in Dask's own thread.
        with socket.create_connection((host, port), timeout=CONNECT_S):
            pass
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # versions that matter are compared later
            return Client(address, timeout=CONNECT_S, set_as_default=False, asynchronous=False)
    except (OSError, TypeError, ValueError, ImportError) as error:
        raise SettingsError(
            f"MUSQA_DASK_SCHEDULER={address!r}: no Dask scheduler answers there "
            f"({first_line(error)}); start one with {START}, or unset the variable to work on "
            "this machine alone"
        ) from error
