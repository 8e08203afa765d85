"""How scores of pairs of files are printed: JSON or CSV for scripts, aligned columns for people.

Each pair is printed as it comes; one that has no score gets a row that says why.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import typer
from rich.cells import cell_len

from musqa_pipeline.cli import output
from musqa_pipeline.core.csv_text import csv_of
from musqa_pipeline.core.foreign_text import json_text, printable

if TYPE_CHECKING:
    from musqa_pipeline.audio.files.pairs import Pair

LONGEST_NAME = 60
"""Cells of a name in a table; what is longer loses its beginning."""


class FoundPair(Protocol):
    """What is known of one pair, beside its score."""

    @property
    def reference(self) -> str:
        """Name of the reference, as the user gave it."""

    @property
    def degraded(self) -> str:
        """Name of the degraded file, likewise."""

    @property
    def warnings(self) -> tuple[str, ...]:
        """Each begins with ``reference: `` or ``degraded: ``."""

    @property
    def error(self) -> str:
        """Empty if there is a score."""


FoundT = TypeVar("FoundT", bound=FoundPair)
Row = Callable[[FoundT], dict[str, Any]]
"""Gives the names and the score of a pair as plain values."""
Writer = Callable[[FoundT], str]


def print_rows(pairs: Iterable[FoundT], write: Writer[FoundT], n_pairs: int) -> None:
    """Print each pair as it comes, its warnings apart, and end with 1 if one has no score."""
    n_failed = 0
    said: set[str] = set()
    for found in pairs:
        for warning in found.warnings:
            which, _, text = warning.partition(": ")
            line = f"warning: {getattr(found, which)}: {text}"
            if line not in said:
                said.add(line)
                output.say(line, err=True)
        if found.error:
            n_failed += 1
        output.data(write(found))
    if n_failed:
        output.say(f"{n_failed} of {n_pairs} pairs have no score; their rows say why", err=True)
        raise typer.Exit(1)


def json_writer(row: Row[FoundT]) -> Writer[FoundT]:
    """Return what writes a pair as a JSON object."""

    def line(found: FoundT) -> str:
        whole = {**row(found), "warnings": list(found.warnings), "error": found.error or None}
        return json_text(whole, allow_nan=False)

    return line


def csv_writer(row: Row[FoundT]) -> Writer[FoundT]:
    """Return what writes a pair as a line of CSV, the first time with the header above it."""
    started = False

    def line(found: FoundT) -> str:
        nonlocal started
        whole = {**row(found), "warnings": "; ".join(found.warnings), "error": found.error}
        lines = [list(whole.values())] if started else [list(whole), list(whole.values())]
        started = True
        return csv_of(lines).removesuffix("\n")

    return line


class PairTable:
    """Aligned columns; their widths are known before the first score is."""

    def __init__(self, row: Row[Any], formats: Mapping[str, str], pairs: Sequence[Pair]) -> None:
        self._row, self._formats, self._started = row, formats, False
        alone = len({p.reference_name for p in pairs}) == 1
        self._widths = {}
        for name in ["degraded"] if alone else ["reference", "degraded"]:
            longest = max(cell_len(printable(getattr(p, f"{name}_name"))) for p in pairs)
            self._widths[name] = max(len(name), min(longest, LONGEST_NAME))

    def line(self, found: FoundPair) -> str:
        """Return one line, the first time with the header above it."""
        row = self._row(found)
        cells = [_left(printable(row[name]), width) for name, width in self._widths.items()]
        if found.error:
            cells.append(f"error: {printable(found.error)}")
        else:
            cells += [
                format(row[name], spec).rjust(max(len(name), 8))
                for name, spec in self._formats.items()
            ]
        lines = ["  ".join(cells).rstrip()]
        if not self._started:
            header = [name.ljust(width) for name, width in self._widths.items()]
            header += [name.replace("_", " ").rjust(max(len(name), 8)) for name in self._formats]
            lines.insert(0, "  ".join(header))
            self._started = True
        return "\n".join(lines)


def _left(name: str, width: int) -> str:
    while cell_len(name) > width:
        name = "…" + name[2:]
    return name + " " * (width - cell_len(name))
