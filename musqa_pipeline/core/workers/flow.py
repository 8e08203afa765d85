"""The flow of tasks through a transport: a bounded number under way, answers as they come."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterable, Iterator
from typing import Protocol

from musqa_pipeline.core.errors import StageError
from musqa_pipeline.core.workers.child import ERROR, LOST, Packed
from musqa_pipeline.core.workers.interface import Lost, ResultT, TaskT

LOSSES_IN_A_ROW = 10
"""So many tasks lost with no result in between are no fault of the tasks."""


class Transport(Protocol):
    """Carries pickled tasks to where they run, and pickled answers back."""

    def room(self) -> int:
        """Return how many tasks may be under way now."""

    def submit(self, index: int, payload: bytes) -> None:
        """Send a task on its way."""

    def next_answer(self) -> tuple[int, bytes]:
        """Wait for the answer of any task under way."""


def flow(
    transport: Transport,
    function: Callable[[TaskT], ResultT],
    tasks: Iterable[TaskT],
    most_losses: int | None = LOSSES_IN_A_ROW,
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
            transport.submit(index, pickle.dumps((packed, task)))
            following = next(waiting, None)
        index, answer = transport.next_answer()
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
