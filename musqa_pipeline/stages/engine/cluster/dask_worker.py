"""What runs on a worker of Dask: it hands tasks to child processes, and refuses runs.

The client sends these functions by name, so a worker needs nothing but the same musqa.
"""

from __future__ import annotations

import os
from functools import partial

from distributed import get_worker

from musqa_pipeline.core.errors import StageError
from musqa_pipeline.core.workers.interface import Limits
from musqa_pipeline.core.workers.pool import WorkerPool
from musqa_pipeline.stages.engine.cluster.sites import Site, objection

_crews: dict[str, WorkerPool] = {}
"""On a Dask worker: the child processes of each run."""


def work(index: int, payload: bytes, *, run: str, limits: Limits, site: Site) -> bytes:
    """Run one task in a child process of a Dask worker; its signs of life are events of the run.

    Raises StageError if this machine cannot work for the run.
    """
    reason = objection(site)
    if reason:
        raise StageError(refusal(f"{os.uname().nodename}:{os.getpid()}", reason))
    tell = partial(_tell, topic_of(run), index)
    return _crews.setdefault(run, WorkerPool()).call(payload, limits, tell)


def topic_of(run: str) -> str:
    """Name the events of a run on the scheduler."""
    return f"musqa-{run}"


def _tell(topic: str, index: int, message: bytes) -> None:
    get_worker().log_event(topic, {"index": index, "message": message})


def dismiss(run: str) -> None:
    """End the child processes of a run on this Dask worker."""
    _crews.setdefault(run, WorkerPool()).dismiss()


def refusal(worker: str, reason: object) -> str:
    """Say that a worker cannot work for a run."""
    return f"the Dask worker {worker} cannot work for this run: {reason}"
