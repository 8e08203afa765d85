"""A CSV file that lists audio files wherever they are: the catalog is the file, not a folder.

The columns are those of a `tracks.csv`. Paths are absolute, or relative to the folder of the CSV
file; they may leave it, because whoever names each file means it.
"""

from __future__ import annotations

from pathlib import Path

from musqa_pipeline.catalogs.folder import METADATA, Entry, Listing, Source
from musqa_pipeline.catalogs.rating import RATING
from musqa_pipeline.catalogs.readers.csv_rows import rating_of, require_role, tracks_lines
from musqa_pipeline.catalogs.readers.interface import Found, Reader
from musqa_pipeline.core.errors import CatalogError


def read(source: Source) -> Found:
    """List the files that the CSV names."""
    path = source.folder
    entries: dict[str, Entry] = {}
    with tracks_lines(path, source.columns) as (reader, named):
        header = reader.fieldnames or []
        absent = [c for c in (named["file"], *source.columns.values()) if c not in header]
        if absent:
            raise CatalogError(
                f"{path} has no column {absent[0]!r}, only "
                f"{', '.join(map(repr, header)) or 'an empty first line'}; add it, or name "
                "another one with --map"
            )
        for raw in reader:
            if not any(raw.values()):
                continue
            file = raw.get(named["file"]) or ""
            said = {key: (raw.get(named[key]) or "").strip() for key in METADATA}
            said["role"] = said["role"].lower()
            _check(path, reader.line_num, file, entries)
            require_role(path, reader.line_num, said["role"], file)
            rating = rating_of(path, reader.line_num, raw, named)
            entries[file] = Entry(file, path.parent / file, said, rating)
    return Found(Listing(tuple(entries[file] for file in sorted(entries)), 0))


def _check(path: Path, line: int, file: str, known: dict[str, Entry]) -> None:
    if not file or "\0" in file:
        raise CatalogError(f"{path}, line {line}: file={file!r}: expected the path of a file")
    if file in known:
        raise CatalogError(f"{path}, line {line}: file {file!r} is named above; keep one of them")


READER = Reader(
    name="csv",
    title="any CSV file that lists audio",
    licence="of each file, in the column licence",
    citation="",
    source="your own disk",
    layout="a CSV file with the column file (a path) and perhaps "
    + ", ".join((*METADATA, *RATING)),
    looks_like=lambda path: path.suffix.lower() == ".csv" and path.is_file(),
    lists=read,
    maps_columns=True,
    of_file=True,
)
