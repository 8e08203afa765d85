"""Scores of pairs of files: each reference is read once, each pair stands or falls alone.

`musqa label` prints what this module finds. Nothing here needs a lake, a preset or a checkout.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from musqa_pipeline.audio.files.pairs import Pair
from musqa_pipeline.audio.metrics.pair_files import PairLabel, ReferenceFile, attempt, failed
from musqa_pipeline.audio.metrics.score import SecondMetric
from musqa_pipeline.core.errors import UnfitInputError
from musqa_pipeline.core.workers.interface import Lost
from musqa_pipeline.core.workers.local import LocalPool

if TYPE_CHECKING:
    from musqa_pipeline.audio.metrics.visqol import Reference, VisqolScore

PAIRS_PER_TASK = 8
"""Pairs of one reference that a worker takes at a time; reading it again costs about one pair."""


def label_pairs(
    pairs: Iterable[Pair], *, second_opinion: str | None = None, n_workers: int = 1
) -> Iterator[PairLabel[VisqolScore]]:
    """Score pairs of files with ViSQOL, and with a second metric if one is named.

    Parameters
    ----------
    pairs : iterable of Pair
        From `pair_up` or `read_pairs`.
    second_opinion : str, optional
    n_workers : int
        Worker processes; 1 is this process.

    Yields
    ------
    PairLabel
        In the order of `pairs`, each as soon as it and those before it are done. Pairs of one
        reference are scored together, wherever in the order they stand.

    Raises
    ------
    ToolError
        If the second metric's package is not installed.
    """
    pairs = list(pairs)
    if second_opinion is not None:
        _find_opinion(second_opinion).require()
    tasks = _tasks(pairs, second_opinion, at_once=PAIRS_PER_TASK if n_workers > 1 else len(pairs))
    waiting: dict[int, PairLabel[VisqolScore]] = {}
    due = 0
    for index, label in _unordered(tasks, n_workers):
        waiting[index] = label
        while due in waiting:
            yield waiting.pop(due)
            due += 1


@dataclass(frozen=True)
class _Task:
    pairs: tuple[tuple[int, Pair], ...]
    """Pairs of one reference, with their place in the list."""
    second_opinion: str | None


def _tasks(pairs: list[Pair], second_opinion: str | None, at_once: int) -> list[_Task]:
    by_reference: dict[Path, list[tuple[int, Pair]]] = {}
    for index, pair in enumerate(pairs):
        by_reference.setdefault(pair.reference, []).append((index, pair))
    tasks = [
        _Task(tuple(group[start : start + at_once]), second_opinion)
        for group in by_reference.values()
        for start in range(0, len(group), at_once)
    ]
    return sorted(tasks, key=lambda task: task.pairs[0][0])


def _unordered(tasks: list[_Task], n_workers: int) -> Iterator[tuple[int, PairLabel[VisqolScore]]]:
    if n_workers == 1:
        for task in tasks:
            yield from _label_task(task)
        return
    for labels in LocalPool(n_workers).map(_label_whole_task, tasks):
        if isinstance(labels, Lost):
            for index, pair in labels.task.pairs:
                yield index, failed(pair, labels.reason)
        else:
            yield from labels


def _label_whole_task(task: _Task) -> list[tuple[int, PairLabel[VisqolScore]]]:
    """Score a task; runs in a worker."""
    return list(_label_task(task))


def _label_task(task: _Task) -> Iterator[tuple[int, PairLabel[VisqolScore]]]:
    try:
        bound = _Bound(task.pairs[0][1].reference, task.second_opinion)
    except UnfitInputError as error:
        refusal = f"{error.detail}; {error.advice}"
        yield from ((index, failed(pair, refusal)) for index, pair in task.pairs)
        return
    for index, pair in task.pairs:
        yield index, attempt(bound.label, pair)


class _Bound:
    """A reference that was read, with the metrics bound to it."""

    def __init__(self, path: Path, second_opinion: str | None) -> None:
        from musqa_pipeline.audio.metrics.visqol import Reference

        self._file = ReferenceFile(path)
        samples = self._file.signal.samples
        self._visqol: Reference = Reference(samples)
        self._second: SecondMetric | None = None
        if second_opinion is not None:
            self._second = _find_opinion(second_opinion)(samples)

    def label(self, pair: Pair) -> PairLabel[VisqolScore]:
        """Score one file against the reference."""
        signal, warnings = self._file.read_degraded(pair.degraded)
        score = self._visqol.score(signal.samples)
        second = None
        if self._second is not None:
            from musqa_pipeline.audio.metrics.visqol.alignment import undelayed

            second = self._second.score(undelayed(signal.samples, score.lag_samples))
        return PairLabel(pair.reference_name, pair.degraded_name, score, second, warnings)


def _find_opinion(name: str) -> type[SecondMetric]:
    from musqa_pipeline.audio.metrics.registry import find_opinion

    return find_opinion(name)
