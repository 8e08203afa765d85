"""CSV that a spreadsheet shows and does not run: one writer for all tables of musqa.

A cell that begins with ``= + - @`` is a formula to spreadsheets. A text that does gets an
apostrophe in front, which they take for "what follows is text"; `unguarded` takes it away again.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable
from typing import Any, TextIO

_FORMULA = re.compile(r"'*[=+\-@\t\r\n]")
"""Apostrophes too, so that what is guarded twice is no other text than what is guarded once."""
_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?")


def guarded(cell: Any) -> Any:
    """Return a cell as it is written."""
    if not isinstance(cell, str) or _NUMBER.fullmatch(cell) or not _FORMULA.match(cell):
        return cell
    return f"'{cell}"


def unguarded(cell: str) -> str:
    """Return a cell as it was before it was written."""
    return cell[1:] if cell.startswith("'") and _FORMULA.match(cell) else cell


def write_csv(stream: TextIO, rows: Iterable[Iterable[Any]], *, lineterminator: str = "\n") -> None:
    """Write rows as CSV, guarded."""
    writer = csv.writer(stream, lineterminator=lineterminator)
    writer.writerows(map(guarded, row) for row in rows)


def csv_of(rows: Iterable[Iterable[Any]]) -> str:
    """Return rows as CSV, guarded."""
    stream = io.StringIO()
    write_csv(stream, rows)
    return stream.getvalue()
