"""CSV: read as people make it or refused in one sentence; written so that none of it is run.

A cell that begins with ``= + - @`` is a formula to spreadsheets. A text that does gets an
apostrophe in front, which they take for "what follows is text"; `unguarded` takes it away again.
"""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, TextIO

from musqa_pipeline.core.errors import SettingsError

YES = frozenset({"yes", "y", "true", "1"})
NO = frozenset({"no", "n", "false", "0"})
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


def read_rows(
    path: Path, renamed: Mapping[str, str] | None = None
) -> tuple[list[str], list[dict[str, str]]]:
    """Read a CSV file with a header; `renamed` names columns: name here -> name in the file.

    A column that is called as one that is renamed is left out.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            reader = csv.reader(stream, strict=True)
            header = [name.strip() for name in next(reader, [])]
            rows = []
            for cells in reader:
                if not cells:
                    continue
                if len(cells) != len(header):
                    raise SettingsError(
                        f"{path} line {reader.line_num}: {len(cells)} cells, but the header names "
                        f"{len(header)} columns; results of two versions of a test need two files"
                    )
                rows.append([unguarded(cell.strip()) for cell in cells])
    except OSError as error:
        raise SettingsError(f"{path} cannot be read ({error.strerror}); check the path") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise SettingsError(f"{path} is no CSV in UTF-8 ({error}); save it as such") from error
    if not rows:
        raise SettingsError(f"{path} holds no rows; it needs a header and lines below it")
    renamed = renamed or {}
    for name, there in renamed.items():
        if there not in header:
            raise SettingsError(
                f"{path} has no column {there!r} to use as {name}; it has: {', '.join(header)}"
            )
    columns = []
    for at, there in enumerate(header):
        names = [name for name, source in renamed.items() if source == there]
        if not names and there not in renamed:
            names = [there]
        columns += [(name, at) for name in names]
    header = [name for name, _ in columns]
    twice = sorted({name for name in header if name and header.count(name) > 1})
    if twice:
        raise SettingsError(
            f"{path} has more than one column {' and '.join(twice)}; rename or delete one"
        )
    return header, [{name: cells[at] for name, at in columns} for cells in rows]


def require_columns(path: Path, header: Sequence[str], needed: Iterable[str]) -> None:
    """Check that a file has the columns that are needed."""
    lacking = [name for name in needed if name not in header]
    if lacking:
        raise SettingsError(
            f"{path} has no column {' and '.join(lacking)}; it has: {', '.join(header)}. "
            "A column of another name can be named with --map"
        )


def number(path: Path, row: Mapping[str, str], column: str) -> float:
    """Return a cell as a finite number."""
    try:
        value = float(row[column])
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise SettingsError(
            f"{path}: {column}={row[column]!r} of {_who(row)} is no number; correct it or delete "
            "the line"
        )
    return value


def yes_or_no(path: Path, row: Mapping[str, str], column: str) -> bool | None:
    """Return a cell as an answer."""
    text = row.get(column, "").lower()
    if not text:
        return None
    if text not in YES | NO:
        raise SettingsError(
            f"{path}: {column}={row[column]!r} of {_who(row)}: expected yes or no, or nothing"
        )
    return text in YES


def named_file(path: Path, name: str) -> Path:
    """Return where a file is that a table names."""
    if "\0" in name:
        raise SettingsError(f"{path} names {name!r}, which no file is called; correct the line")
    try:
        return path.parent / Path(name).expanduser()
    except RuntimeError:
        raise SettingsError(
            f"{path} names {name!r}: there is no such home folder; write ./~… for a file whose "
            "name starts so"
        ) from None


def write_rows(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write a CSV file."""
    with path.open("w", encoding="utf-8", newline="") as stream:
        write_csv(stream, [rows[0].keys(), *(row.values() for row in rows)])


def _who(row: Mapping[str, str]) -> str:
    return ", ".join(f"{k} {v}" for k, v in list(row.items())[:3])
