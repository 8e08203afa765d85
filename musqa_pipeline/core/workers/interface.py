"""The small interface of fan-out: what every way of spreading tasks takes and gives.

Whatever runs the tasks, the rules are the same: a `MusqaError` of a task ends the whole, a task
whose process dies is tried again elsewhere and then given up, one that takes too long is given up
at once. A task that is given up comes back as `Lost`; the others go on. What a task says of itself
meanwhile (`signs.give`) reaches `on_sign` in the thread that asks for results.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any, Generic, Protocol, TypeVar

from musqa_pipeline.core.errors import SettingsError
from musqa_pipeline.core.home import Home
from musqa_pipeline.core.workers.signs import Sign, heard_by

TaskT = TypeVar("TaskT")
ResultT = TypeVar("ResultT")
UNIT_LIMIT, EPOCH_LIMIT = "MUSQA_UNIT_TIMEOUT_S", "MUSQA_EPOCH_TIMEOUT_S"
DEFAULT_TIME_S = 3600.0
"""The longest unit measured takes minutes (all degradations of an excerpt, all its labels)."""
DEFAULT_EPOCH_S = 6 * 3600.0
"""An epoch of VGG19 over 10,000 images takes 1.6 hours on one core."""


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
    gpu: Callable[[Any], bool] | None = None
    """Which tasks want a GPU, if some do: of workers that offer some, each has one to itself."""


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
        on_sign: Callable[[TaskT, Sign], object] | None = None,
    ) -> Iterator[ResultT | Lost[TaskT]]:
        """Yield ``function(task)`` of every task, in any order; the first error ends it."""

    def for_trainings(self) -> Fanout:
        """Return where trainings run that want a whole machine, or a GPU of another."""


class Inline:
    """Runs the tasks in this process, one after the other."""

    def for_trainings(self) -> Inline:
        """Return this."""
        return self

    def map(
        self,
        function: Callable[[TaskT], ResultT],
        tasks: Iterable[TaskT],
        *,
        needs: Needs | None = None,
        on_sign: Callable[[TaskT, Sign], object] | None = None,
    ) -> Iterator[ResultT | Lost[TaskT]]:
        """Yield ``function(task)`` of every task, in order."""
        for task in tasks:
            with heard_by(partial(on_sign, task) if on_sign else None):
                result = function(task)
            yield result


def limits_from_environment() -> Limits:
    """Read `MUSQA_UNIT_TIMEOUT_S` and `MUSQA_WORKER_MEMORY_GB`."""
    time_s = _positive(UNIT_LIMIT, "seconds, as in 3600")
    memory_gb = _positive("MUSQA_WORKER_MEMORY_GB", "gigabytes, as in 4")
    return Limits(DEFAULT_TIME_S if time_s is None else time_s, memory_gb)


def epoch_limit_s() -> float:
    """Read `MUSQA_EPOCH_TIMEOUT_S`: how long a training may go without the end of an epoch."""
    return _positive(EPOCH_LIMIT, "seconds, as in 21600") or DEFAULT_EPOCH_S


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
