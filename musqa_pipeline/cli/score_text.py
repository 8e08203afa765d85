"""How scores are written: JSON and CSV for scripts, a timeline; `score_table.py` has the table."""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Mapping
from dataclasses import fields
from typing import TYPE_CHECKING, Any

import typer

from musqa_pipeline.core.csv_files import csv_of
from musqa_pipeline.core.foreign_text import json_text, printable
from musqa_pipeline.scoring.score import Event, Score, WindowScore
from musqa_pipeline.scoring.words import word_of, words_of

if TYPE_CHECKING:
    from musqa_pipeline.scoring.batch import Result

DECIMALS = 4
LISTS = ("windows", "events", "alternatives")
ORIGIN_COLUMNS = {
    "origin": "verdict",
    "origin_codec": "codec",
    "origin_evidence": "evidence",
}
"""What a CSV has of an `Origin`, by column."""
LATER_COLUMNS = (*ORIGIN_COLUMNS, "words", "sentence")
"""Those that came after the first release: last, for who counts columns."""
CSV_COLUMNS = (
    "file",
    *(f.name for f in fields(Score) if f.name not in (*LISTS, *LATER_COLUMNS)),
    "error",
    *LATER_COLUMNS,
)
NOTES = {
    "looped": "shorter than 10 s, repeated",
    "partly_scored": "parts have no score",
    "mixed_windows": "parts differ by more than 1, see --timeline",
    "not_finite": "has samples that are no numbers",
    "odd_level": "peaks far above full scale, export it again",
}
"""What people are told of a flag."""
STYLES = {
    "transparent": "green",
    "good": "cyan",
    "fair": "yellow",
    "poor": "magenta",
    "bad": "red",
}
"""Colours of the words, by the score's own."""


def record_of(result: Result) -> dict[str, Any]:
    """Return all that is known of a file as plain values."""
    if result.score is None:
        known: dict[str, Any] = dict.fromkeys(field.name for field in fields(Score))
    else:
        known = result.score.as_dict()
    return {"file": result.name, **known, "error": result.error or None}


def csv_cells(record: dict[str, Any]) -> tuple[Any, ...]:
    """Return a record's values for `CSV_COLUMNS`."""
    origin = record["origin"] or {}
    flat = {column: origin.get(name) for column, name in ORIGIN_COLUMNS.items()}
    return tuple((record | flat)[name] for name in CSV_COLUMNS)


def json_line(record: Mapping[str, Any]) -> str:
    """Write a record as one line of JSON."""
    return json_text(_finite(record), allow_nan=False)


def csv_line(values: Iterable[Any]) -> str:
    """Write values as one line of CSV."""
    plain = map(_finite, values)
    cells = [";".join(map(str, value)) if isinstance(value, list) else value for value in plain]
    return csv_of([cells]).removesuffix("\n")


def timeline_lines(score: Score) -> list[str]:
    """Write the windows and events of a recording, and what tells its origin."""
    signs = () if score.origin is None else score.origin.evidence
    return [
        *(window_line(window) for window in score.windows),
        *map(_event_line, score.events),
        *(f"      origin: {printable(sign)}" for sign in signs),
    ]


def window_line(window: WindowScore) -> str:
    """Write a window."""
    times = f"{clock(window.start_s)} - {clock(window.stop_s)}"
    if window.mos is None:
        return f"      {times}     -                 {window.abstained}"
    words = words_of(window.mos, window.mos_low, window.mos_high)
    interval = interval_text(window.mos_low, window.mos_high)
    colour = word_of(window.mos).name
    return f"      {times}  {window.mos:4.2f}  {interval:13}  {coloured(colour, words)}"


def interval_text(low: float | None, high: float | None) -> str:
    """Write an interval; empty where there is none."""
    return "" if low is None or high is None else f"{low:.2f} to {high:.2f}"


def clock(seconds: float) -> str:
    """Write a time as minutes and seconds."""
    tenths = round(10 * seconds)
    minutes, rest = divmod(tenths, 600)
    hours, minutes = divmod(minutes, 60)
    text = f"{rest // 10:02d}.{rest % 10}"
    return f"{hours}:{minutes:02d}:{text}" if hours else f"{minutes:2d}:{text}"


def coloured(word: str, text: str) -> str:
    """Colour a text by its word, unless `NO_COLOR` is set; pipes get none."""
    colour = STYLES.get(word)
    return text if colour is None or os.environ.get("NO_COLOR") else typer.style(text, fg=colour)


def _event_line(event: Event) -> str:
    times = f"{clock(event.start_s)} - {clock(event.stop_s)}"
    return f"      {times}  {event.kind}: {printable(event.text)}"


def _finite(value: Any) -> Any:
    """Replace what JSON has no number for; a text that is no UTF-8 is escaped."""
    if isinstance(value, Mapping):
        return {str(key): _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    if isinstance(value, float):
        return round(value, DECIMALS) if math.isfinite(value) else None
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode("utf-8")
    return value
