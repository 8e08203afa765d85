"""The small interface of fan-out: what every way of spreading tasks takes and gives.

Whatever runs the tasks, the rules are the same: a `MusqaError` of a task ends the whole, a task
whose process dies is tried again elsewhere and then given up, one that takes too long is given up
at once. A task that is given up comes back as `Lost`; the others go on.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from musqa_pipeline.core.errors import SettingsError
from musqa_pipeline.core.home import Home

TaskT = TypeVar("TaskT")
ResultT = TypeVar("ResultT")
DEFAULT_TIME_S = 3600.0
"""The longest unit measured takes minutes (all degradations of an excerpt, all its labels)."""


@dataclass(frozen=True)
class Lost(Generic[TaskT]):
    """A task that was given up: its process died, or it took too long."""

    task: TaskT
    reason: str
    """What happened and what to do, for the user."""


@dataclass(frozen=True)
class Needs:
    """What must hold on every machine that runs a task; on this one it holds."""

    tools: tuple[str, ...] = ()
    """Distributions that must have the same version everywhere."""
    token_file: Home | None = None
    """A file in a folder that all machines must share; its text is overwritten."""


@dataclass(frozen=True)
class Limits:
    """How long a task may take, and how much memory its process may use."""

    time_s: float = DEFAULT_TIME_S
    memory_gb: float | None = None
    """In 10^9 bytes, resident, the programs that it runs included; no limit when None."""


class Fanout(Protocol):
    """Anything that runs a function over tasks and yields results as they come."""

    def map(
        self,
        function: Callable[[TaskT], ResultT],
        tasks: Iterable[TaskT],
        *,
        needs: Needs | None = None,
    ) -> Iterator[ResultT | Lost[TaskT]]:
        """Yield ``function(task)`` of every task, in any order; the first error ends it."""


class Inline:
    """Runs the tasks in this process, one after the other."""

    def map(
        self,
        function: Callable[[TaskT], ResultT],
        tasks: Iterable[TaskT],
        *,
        needs: Needs | None = None,
    ) -> Iterator[ResultT | Lost[TaskT]]:
        """Yield ``function(task)`` of every task, in order."""
        for task in tasks:
            yield function(task)


def limits_from_environment() -> Limits:
    """Read `MUSQA_UNIT_TIMEOUT_S` and `MUSQA_WORKER_MEMORY_GB`."""
    time_s = _positive("MUSQA_UNIT_TIMEOUT_S", "seconds, as in 3600")
    memory_gb = _positive("MUSQA_WORKER_MEMORY_GB", "gigabytes, as in 4")
    return Limits(DEFAULT_TIME_S if time_s is None else time_s, memory_gb)


def _positive(name: str, unit: str) -> float | None:
    text = os.environ.get(name)
    if not text:
        return None
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not (math.isfinite(value) and value > 0):
        raise SettingsError(f"{name}={text!r}: expected a positive number of {unit}")
    return value
