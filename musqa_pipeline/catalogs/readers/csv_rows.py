"""CSV files that datasets bring along: rows with the columns that a reader needs, or one error."""

from __future__ import annotations

import csv
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from musqa_pipeline.catalogs.folder import METADATA, ROLES, Source
from musqa_pipeline.catalogs.rating import RATING, Rating, read_rating
from musqa_pipeline.core.errors import CatalogError

LONGEST_CELL = 1 << 24
"""FMA has biographies in its cells."""
_LIMIT = threading.Lock()


@contextmanager
def csv_lines(source: Source, file: str) -> Iterator[Iterator[list[str]]]:
    """Open a CSV file of a dataset."""
    path = source.folder / file
    source.require_inside(path)
    with _long_cells(), _opened(path, "get the file again") as stream:
        yield csv.reader(stream, strict=True)


@contextmanager
def tracks_lines(
    path: Path, columns: Mapping[str, str]
) -> Iterator[tuple[csv.DictReader[str], dict[str, str]]]:
    """Open a CSV file with the columns of a `tracks.csv`; give also what each is called in it."""
    named = {name: columns.get(name, name) for name in ("file", *METADATA, *RATING)}
    unknown = sorted(columns.keys() - named.keys())
    if unknown:
        raise CatalogError(
            f"column map names {unknown}; expected some of file, {', '.join((*METADATA, *RATING))}"
        )
    with _opened(path, "save it as CSV in UTF-8") as stream:
        reader = csv.DictReader(stream, strict=True)
        reader.fieldnames = [name.strip() for name in reader.fieldnames or []]
        yield reader, named


def rating_of(
    path: Path, line: int, raw: Mapping[str, str | None], named: Mapping[str, str]
) -> Rating | None:
    """Read what a line says of listeners; CatalogError if that cannot be."""
    return read_rating(f"{path}, line {line}", {key: raw.get(named[key]) or "" for key in RATING})


def require_role(path: Path, line: int, role: str, name: str) -> None:
    """Check what a line says a file is for."""
    if role not in ROLES:
        raise CatalogError(
            f"{path}, line {line}: role={role!r} of {name!r}: expected train, test or nothing"
        )


@contextmanager
def _opened(path: Path, advice: str) -> Iterator[TextIO]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            yield stream
    except (UnicodeDecodeError, csv.Error) as error:
        raise CatalogError(f"cannot read {path}: {error}; {advice}") from error
    except OSError as error:
        raise CatalogError(
            f"cannot read {path}: {error.strerror}; make the file readable"
        ) from error


@contextmanager
def _long_cells() -> Iterator[None]:
    """Allow long cells; the limit belongs to the process, so one thread at a time."""
    with _LIMIT:
        before = csv.field_size_limit(LONGEST_CELL)
        try:
            yield
        finally:
            csv.field_size_limit(before)


def require_cells(path: Path, header: Iterable[str], needed: Iterable[str]) -> None:
    """Check that a header names what a reader needs."""
    absent = sorted(set(needed) - set(header))
    if absent:
        raise CatalogError(
            f"{path} has no column {', '.join(map(repr, absent))}; it is another file, or another "
            "release than the one that is known; get it again"
        )


def read_csv(source: Source, file: str, needed: Iterable[str]) -> list[dict[str, str]]:
    """Read a CSV file of a dataset whose first line names the columns."""
    columns = tuple(needed)
    with csv_lines(source, file) as lines:
        header = next(lines, [])
        require_cells(source.folder / file, header, columns)
        places = {name: header.index(name) for name in columns}
        return [
            {name: row[i] if i < len(row) else "" for name, i in places.items()}
            for row in lines
            if row
        ]
