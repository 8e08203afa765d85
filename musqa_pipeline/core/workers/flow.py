"""The flow of tasks through a transport: a bounded number under way, answers as they come."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Protocol

from musqa_pipeline.core.errors import StageError
from musqa_pipeline.core.workers.child import ERROR, LOST, Packed
from musqa_pipeline.core.workers.interface import Lost, ResultT, TaskT
from musqa_pipeline.core.workers.signs import Sign, is_sign, unpack

LOSSES_IN_A_ROW = 10
"""So many tasks lost with no result in between are no fault of the tasks."""


class Transport(Protocol):
    """Carries pickled tasks to where they run, and pickled answers back."""

    def room(self) -> int:
        """Return how many tasks may be under way now."""

    def submit(self, index: int, payload: bytes, task: Any) -> None:
        """Send a task, which is pickled, on its way."""

    def next_message(self) -> tuple[int, bytes]:
        """Wait for the answer, or a sign of life, of any task under way."""


def flow(
    transport: Transport,
    function: Callable[[TaskT], ResultT],
    tasks: Iterable[TaskT],
    most_losses: int | None = LOSSES_IN_A_ROW,
    on_sign: Callable[[TaskT, Sign], object] | None = None,
) -> Iterator[ResultT | Lost[TaskT]]:
    """Yield what becomes of each task, in the order in which they finish.

    Raises StageError if `most_losses` tasks are lost with no result between them, and the first
    error of the function.
    """
    packed = Packed(function)
    waiting = enumerate(tasks)
    under_way: dict[int, TaskT] = {}
    losses = 0
    following = next(waiting, None)
    while under_way or following:
        while following and len(under_way) < transport.room():
            index, task = following
            under_way[index] = task
            transport.submit(index, pickle.dumps((packed, task)), task)
            following = next(waiting, None)
        index, answer = transport.next_message()
        if is_sign(answer):
            if on_sign and index in under_way:
                on_sign(under_way[index], unpack(answer))
            continue
        task = under_way.pop(index)
        kind, value = pickle.loads(answer)
        if kind == ERROR:
            raise value
        if kind != LOST:
            losses = 0
            yield value
            continue
        losses += 1
        if losses == most_losses:
            raise StageError(
                f"{losses} units in a row were lost, so the fault is not theirs; mend it and run "
                f"the same command again: what is done stays done. The last one {value}"
            )
        yield Lost(task, value)
