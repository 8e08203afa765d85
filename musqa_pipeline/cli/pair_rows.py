"""How scores of pairs of files are printed: JSON or CSV for scripts, aligned columns for people.

Each pair is printed as it comes; one that has no score gets a row that says why.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import typer
from rich.cells import cell_len

from musqa_pipeline.cli import output
from musqa_pipeline.cli.score_text import NOTES, window_line
from musqa_pipeline.core.csv_files import csv_of
from musqa_pipeline.core.foreign_text import json_text, printable
from musqa_pipeline.scoring.words import WORDS, word_of

if TYPE_CHECKING:
    from musqa_pipeline.audio.files.pairs import Pair
    from musqa_pipeline.audio.metrics.pair_files import PairLabel
    from musqa_pipeline.scoring.score import WindowScore

LONGEST_NAME = 60
"""Cells of a name in a table; what is longer loses its beginning."""
LONGEST_WORD = max(len(word.name) for word in WORDS)


def print_rows(
    found_pairs: Iterable[PairLabel[Any]],
    row: Callable[[Any], dict[str, Any]],
    formats: Mapping[str, str],
    pairs: Sequence[Pair],
    *,
    as_json: bool,
    as_csv: bool,
    windows: Callable[[Any], Sequence[WindowScore]] | None = None,
) -> None:
    """Print each pair as it comes, its warnings apart, and end with 1 if one has no score.

    `row` gives the names and the score of a pair as plain values; people see those that have a
    format. `windows` gives those of a pair where they are wanted: people see them below it, and CSV
    has them in its place.
    """
    n_failed = 0
    said: set[str] = set()
    shown = None if as_json or as_csv else _PairTable(formats, pairs)
    started = False
    for found in found_pairs:
        for warning in found.warnings:
            which, _, text = warning.partition(": ")
            line = f"warning: {getattr(found, which)}: {text}"
            if line not in said:
                said.add(line)
                output.say(line, err=True)
        n_failed += bool(found.error)
        values = row(found)
        if shown is not None:
            if not started:
                output.data(shown.header)
            output.data(shown.line(values, found.error))
            for window in windows(found) if windows else ():
                output.coloured(window_line(window))
        elif as_json:
            whole = {**values, "warnings": list(found.warnings), "error": found.error or None}
            output.data(json_text(whole, allow_nan=False))
        else:
            rows = [_csv_row(values)] if windows is None else _window_rows(found, windows(found))
            known = {"warnings": "; ".join(found.warnings), "error": found.error}
            table = [[*rows[0], *known]] * (not started)
            table += [[*one.values(), *known.values()] for one in rows]
            output.data(csv_of(table), nl=False)
        started = True
    if n_failed:
        output.say(f"{n_failed} of {len(pairs)} pairs have no score; their rows say why", err=True)
        raise typer.Exit(1)


def _csv_row(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return what one line of CSV can hold: no windows, and flags as one text."""
    plain = {name: value for name, value in values.items() if name != "windows"}
    return plain | {n: ";".join(v) for n, v in plain.items() if n == "flags" and v is not None}


def _window_rows(found: PairLabel[Any], windows: Sequence[WindowScore]) -> Sequence[dict[str, Any]]:
    """Return a row for each window of a pair; one without a window says why."""
    names = {"reference": found.reference, "degraded": found.degraded}
    blank = {"start_s": None, "stop_s": None, "mos": None, "word": None, "abstained": None}
    return [
        names
        | {name: getattr(window, name, None) for name in blank}
        | {"word": None if window.mos is None else word_of(window.mos).name}
        for window in windows
    ] or [names | blank]


class _PairTable:
    """Aligned columns; their widths are known before the first score is."""

    def __init__(self, formats: Mapping[str, str], pairs: Sequence[Pair]) -> None:
        # A format that is empty is a word's.
        self._columns = [
            (name, spec, max(len(name), 8 if spec else LONGEST_WORD))
            for name, spec in formats.items()
        ]
        alone = len({p.reference_name for p in pairs}) == 1
        self._widths = {}
        for name in ["degraded"] if alone else ["reference", "degraded"]:
            longest = max(cell_len(printable(getattr(p, f"{name}_name"))) for p in pairs)
            self._widths[name] = max(len(name), min(longest, LONGEST_NAME))
        heads = [name.ljust(width) for name, width in self._widths.items()]
        heads += [name.replace("_", " ").rjust(width) for name, _, width in self._columns]
        self.header = "  ".join(heads)

    def line(self, row: Mapping[str, Any], error: str) -> str:
        cells = [_left(printable(row[name]), width) for name, width in self._widths.items()]
        if error:
            cells.append(f"error: {printable(error)}")
        else:
            cells += [format(row[name], spec).rjust(width) for name, spec, width in self._columns]
            cells += [NOTES[flag] for flag in row.get("flags", ()) if flag in NOTES]
        return "  ".join(cells).rstrip()


def _left(name: str, width: int) -> str:
    while cell_len(name) > width:
        name = "…" + name[2:]
    return name + " " * (width - cell_len(name))
