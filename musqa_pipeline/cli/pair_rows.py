"""How scores of pairs of files are printed: JSON or CSV for scripts, aligned columns for people.

Each pair is printed as it comes; one that has no score gets a row that says why.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import typer
from rich.cells import cell_len

from musqa_pipeline.cli import output
from musqa_pipeline.core.csv_files import csv_of
from musqa_pipeline.core.foreign_text import json_text, printable

if TYPE_CHECKING:
    from musqa_pipeline.audio.files.pairs import Pair
    from musqa_pipeline.audio.metrics.pairs import PairLabel

LONGEST_NAME = 60
"""Cells of a name in a table; what is longer loses its beginning."""


def print_rows(
    found_pairs: Iterable[PairLabel[Any]],
    row: Callable[[Any], dict[str, Any]],
    formats: Mapping[str, str],
    pairs: Sequence[Pair],
    *,
    as_json: bool,
    as_csv: bool,
) -> None:
    """Print each pair as it comes, its warnings apart, and end with 1 if one has no score.

    `row` gives the names and the score of a pair as plain values; people see those that have a
    format.
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
        elif as_json:
            whole = {**values, "warnings": list(found.warnings), "error": found.error or None}
            output.data(json_text(whole, allow_nan=False))
        else:
            whole = {**values, "warnings": "; ".join(found.warnings), "error": found.error}
            table = [list(whole)] * (not started) + [list(whole.values())]
            output.data(csv_of(table), nl=False)
        started = True
    if n_failed:
        output.say(f"{n_failed} of {len(pairs)} pairs have no score; their rows say why", err=True)
        raise typer.Exit(1)


class _PairTable:
    """Aligned columns; their widths are known before the first score is."""

    def __init__(self, formats: Mapping[str, str], pairs: Sequence[Pair]) -> None:
        self._formats = formats
        alone = len({p.reference_name for p in pairs}) == 1
        self._widths = {}
        for name in ["degraded"] if alone else ["reference", "degraded"]:
            longest = max(cell_len(printable(getattr(p, f"{name}_name"))) for p in pairs)
            self._widths[name] = max(len(name), min(longest, LONGEST_NAME))
        heads = [name.ljust(width) for name, width in self._widths.items()]
        heads += [name.replace("_", " ").rjust(max(len(name), 8)) for name in formats]
        self.header = "  ".join(heads)

    def line(self, row: Mapping[str, Any], error: str) -> str:
        cells = [_left(printable(row[name]), width) for name, width in self._widths.items()]
        if error:
            cells.append(f"error: {printable(error)}")
        else:
            cells += [
                format(row[name], spec).rjust(max(len(name), 8))
                for name, spec in self._formats.items()
            ]
        return "  ".join(cells).rstrip()


def _left(name: str, width: int) -> str:
    while cell_len(name) > width:
        name = "…" + name[2:]
    return name + " " * (width - cell_len(name))
