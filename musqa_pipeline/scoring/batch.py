"""Scores of many files, each as soon as it is done; no file ends the batch.

With more than one file the work is done in child processes, which are supervised by the same pool
as the factory's: a decoder that crashes or hangs costs its own file and nothing else.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from musqa_pipeline.audio.files.limits import MAX_DURATION_S
from musqa_pipeline.core.errors import MusqaError, UnfitInputError
from musqa_pipeline.core.workers.interface import Limits, Lost
from musqa_pipeline.core.workers.local import LocalPool
from musqa_pipeline.scoring.inputs import Item
from musqa_pipeline.scoring.model_file import load_model
from musqa_pipeline.scoring.score import Score
from musqa_pipeline.scoring.scorer import Scorer
from musqa_pipeline.scoring.windows import checked_lengths

MAX_FILE_S = 7_200.0
"""Time for one file; a day of audio takes a quarter of an hour."""


@dataclass(frozen=True)
class Options:
    """How files are scored."""

    model: Path
    window_s: float | None = None
    hop_s: float | None = None
    detect: bool = True
    max_duration_s: float = MAX_DURATION_S


@dataclass(frozen=True)
class Result:
    """What became of a file."""

    name: str
    score: Score | None
    """None if there is an error; a score may abstain."""
    error: str = ""
    """What is wrong and what to do."""


def score_items(items: Iterable[Item], options: Options, *, n_workers: int = 1) -> Iterator[Result]:
    """Score files as they come, so that there may be any number; one alone in this process.

    Yields
    ------
    Result
        As they are done; in order with one worker.

    Raises
    ------
    ModelError
        If the model cannot be used.
    SettingsError
        If the lengths of the windows are out of range.
    """
    load_model(options.model)
    checked_lengths(options.window_s, options.hop_s)
    waiting = iter(items)
    first = list(itertools.islice(waiting, 2))
    tasks = ((item, options) for item in itertools.chain(first, waiting))
    if len(first) < 2:
        yield from map(score_item, tasks)
        return
    pool = LocalPool(n_workers, Limits(time_s=MAX_FILE_S), most_losses=None)
    for found in pool.map(score_item, tasks):
        if isinstance(found, Lost):
            happened = found.reason.partition(";")[0]  # what follows is advice for the factory
            error = f"crashed: {happened}; leave it out, or get it again"
            found = Result(found.task[0].name, None, error)
        yield found


def score_item(task: tuple[Item, Options]) -> Result:
    """Score one file in this process, with an error in place of an exception.

    Raise MusqaError if the fault is not the file's: the model, the settings.
    """
    item, options = task
    if item.problem:
        return Result(item.name, None, item.problem)
    try:
        score = _scorer(options.model, options.detect).score_file(
            item.path,
            window_s=options.window_s,
            hop_s=options.hop_s,
            max_duration_s=options.max_duration_s,
        )
    except UnfitInputError as error:
        return Result(item.name, None, str(error))
    except MusqaError:
        raise
    except Exception as error:  # a fault of ours must not cost the other files
        return Result(item.name, None, f"failed: {type(error).__name__}: {error}; report it")
    return Result(item.name, score)


@functools.cache
def _scorer(model: Path, detect: bool) -> Scorer:
    return Scorer(model, detect=detect)
