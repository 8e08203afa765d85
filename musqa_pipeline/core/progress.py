"""Progress of long work: a bar on a terminal, plain lines in a log, figures for an observer."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
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

from musqa_pipeline.core.foreign_text import printable

logger = logging.getLogger("musqa_pipeline")
LOG_EVERY_S = 15.0
"""Least time between two lines in a log."""
OBSERVE_EVERY_S = 30.0
"""Least time between two snapshots; each becomes an event in Dagster's database."""


def terminal_bar(first_column: str) -> Progress:
    """Return a bar for standard error: how much of how much, a note, time taken and time left."""
    return Progress(
        TextColumn(first_column, markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[note]}", markup=False),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
    )


@dataclass(frozen=True)
class ProgressSnapshot:
    """How far a stage is."""

    units_done: int
    """Those that were done before included."""
    units_total: int
    units_refused: int
    """Unfit input, sent to quarantine by this run."""
    units_failed: int
    """Failed in this run; reported at its end."""
    rows: int
    """Made by this run."""
    rows_per_s: float
    units_per_s: float
    seconds: float
    """Since the start of this run."""
    seconds_left: float | None
    """At the pace so far; None before the first unit."""


class StageProgress:
    """Shows how far one stage is."""

    def __init__(
        self,
        label: str,
        total: int,
        done: int = 0,
        log: Callable[[str], object] | None = None,
        *,
        bar: bool = True,
        observer: Callable[[ProgressSnapshot], object] | None = None,
    ) -> None:
        self._label, self._total = printable(label), total
        self._done = self._start_done = done
        self._rows = self._refused = self._failed = 0
        self._log, self._observer = log or logger.info, observer
        self._started = self._last_line = self._last_seen = time.monotonic()
        self._bar: Progress | None = None
        if bar and sys.stderr.isatty() and total > done:
            self._bar = terminal_bar("{task.description:<26}")
            self._task = self._bar.add_task(self._label, total=total, completed=done, note="")

    def __enter__(self) -> Self:
        if self._bar:
            self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar:
            self._bar.stop()
        if self._observer and self._total > self._start_done:
            self._observer(self.snapshot())

    def advance(self, rows: int = 0, *, refused: bool = False, failed: bool = False) -> None:
        """Count one more unit."""
        self._done += 1
        self._rows += rows
        self._refused += refused
        self._failed += failed
        now = time.monotonic()
        if self._bar:
            self._bar.update(self._task, completed=self._done, note=self._text(self.snapshot()))
        elif now - self._last_line >= LOG_EVERY_S or self._done == self._total:
            self._last_line = now
            seen = self.snapshot()
            left = self._done < self._total
            when = f"{seen.seconds_left:.0f} s left" if left else f"{seen.seconds:.0f} s"
            self._log(
                f"{self._label}: {self._done}/{self._total} units, {self._text(seen)}, {when}"
            )
        if self._observer and now - self._last_seen >= OBSERVE_EVERY_S:
            self._last_seen = now
            self._observer(self.snapshot())

    def snapshot(self) -> ProgressSnapshot:
        """Return how far the stage is now."""
        seconds = time.monotonic() - self._started
        made, per_s = self._done - self._start_done, 1 / max(seconds, 1e-9)
        return ProgressSnapshot(
            units_done=self._done,
            units_total=self._total,
            units_refused=self._refused,
            units_failed=self._failed,
            rows=self._rows,
            rows_per_s=self._rows * per_s,
            units_per_s=made * per_s,
            seconds=seconds,
            seconds_left=seconds / made * (self._total - self._done) if made else None,
        )

    def _text(self, seen: ProgressSnapshot) -> str:
        pace = f"{seen.rows_per_s:.1f} rows/s" if seen.units_total > 1 else f"{seen.rows} rows"
        refused = f" {seen.units_refused} refused" if seen.units_refused else ""
        failed = f" {seen.units_failed} failed" if seen.units_failed else ""
        return pace + refused + failed
