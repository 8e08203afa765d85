"""Scores in an order: what has to wait for the last file, and shows how far it is."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from enum import StrEnum

from musqa_pipeline.core.progress import terminal_bar
from musqa_pipeline.scoring.batch import Result
from musqa_pipeline.scoring.origin.verdict import GENUINE, LIKELY, LOSSY_FILE, POSSIBLE
from musqa_pipeline.scoring.score import Score


class Sort(StrEnum):
    """By what scores are ordered; the worst comes first."""

    score = "score"
    file = "file"
    origin = "origin"
    bandwidth = "bandwidth"
    loudness = "loudness"
    peak = "peak"


_ORIGINS = (LIKELY, POSSIBLE, LOSSY_FILE, GENUINE)
_KEYS: dict[Sort, Callable[[Score], float | None]] = {
    Sort.score: lambda score: score.mos,
    Sort.origin: lambda score: _ORIGINS.index(score.origin.verdict) if score.origin else None,
    Sort.bandwidth: lambda score: score.bandwidth_hz,
    Sort.loudness: lambda score: score.loudness_lufs and -score.loudness_lufs,
    Sort.peak: lambda score: score.true_peak_dbtp and -score.true_peak_dbtp,
}


def ordered(results: Iterable[Result], by: Sort, n_worst: int | None = None) -> list[Result]:
    """Sort results by a column, and by name where that is equal.

    What the column says nothing of comes last, files that could not be read at the very end. Of
    `n_worst` only so many with the lowest scores are left, and the files that could not be read.
    """

    def place(result: Result) -> tuple[bool, bool, float, str]:
        failed = result.score is None
        value = None if result.score is None or by == Sort.file else _KEYS[by](result.score)
        unknown = value is None and by != Sort.file
        return failed, unknown, value or 0.0, result.name

    found = sorted(results, key=place)
    if n_worst is None:
        return found
    scored = [r for r in found if r.score is not None and r.score.mos is not None]
    return [*scored[:n_worst], *(r for r in found if r.score is None)]


def waited_for(results: Iterable[Result], n_files: int) -> Iterator[Result]:
    """Pass results on, with a bar on a terminal until the last is there."""
    if not sys.stderr.isatty():
        yield from results
        return
    with terminal_bar("score") as bar:
        task = bar.add_task("score", total=n_files, note="")
        for result in results:
            bar.advance(task)
            yield result
