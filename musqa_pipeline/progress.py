"""Progress of long work: a bar on a terminal, plain lines in a log."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

logger = logging.getLogger("musqa_pipeline")
LOG_EVERY_S = 15.0
"""Least time between two lines in a log."""


class StageProgress:
    """Shows how far one stage is.

    Parameters
    ----------
    label : str
        What is worked on, for example ``"labels openmusic"``.
    total : int
        Units to do in all.
    done : int
        Units that were done before.
    log : callable, optional
        Takes a line of text, where there is no bar. The logger ``musqa_pipeline`` when left out,
        which Dagster shows in its UI and the command line on standard error.
    bar : bool
        Whether a terminal gets a bar; a stage that logs lines of its own wants none.
    """

    def __init__(
        self,
        label: str,
        total: int,
        done: int = 0,
        log: Callable[[str], object] | None = None,
        *,
        bar: bool = True,
    ) -> None:
        self._label, self._total, self._done, self._start_done = label, total, done, done
        self._rows = 0
        self._log = log or logger.info
        self._started = self._last_line = time.monotonic()
        self._bar: Progress | None = None
        if bar and sys.stderr.isatty() and total > done:
            self._bar = Progress(
                TextColumn("{task.description:<26}"),
                BarColumn(),
                MofNCompleteColumn(),
                TextColumn("{task.fields[note]}"),
                TimeElapsedColumn(),
                TimeRemainingColumn(),
                console=Console(stderr=True),
            )
            self._task = self._bar.add_task(label, total=total, completed=done, note="")

    def __enter__(self) -> Self:
        if self._bar:
            self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._bar:
            self._bar.stop()

    def advance(self, rows: int = 0, note: str = "") -> None:
        """Count one more unit.

        Parameters
        ----------
        rows : int
            Rows that the unit has.
        note : str
            Shown behind the bar, for example the number of failures.
        """
        self._done += 1
        self._rows += rows
        now = time.monotonic()
        rate = self._rows / max(now - self._started, 1e-9)
        pace = f"{rate:.1f} rows/s" if self._total > 1 else f"{self._rows} rows"
        text = f"{pace} {note}".strip()
        if self._bar:
            self._bar.update(self._task, completed=self._done, note=text)
        elif now - self._last_line >= LOG_EVERY_S or self._done == self._total:
            self._last_line = now
            spent_s, left = now - self._started, self._total - self._done
            left_s = spent_s / (self._done - self._start_done) * left
            when = f"{left_s:.0f} s left" if left else f"{spent_s:.0f} s"
            self._log(f"{self._label}: {self._done}/{self._total} units, {text}, {when}")
