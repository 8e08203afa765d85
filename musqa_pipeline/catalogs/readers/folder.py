"""A folder of audio files, with or without a `tracks.csv`: the reader of what is no known dataset.

Nothing is opened but the CSV.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

from musqa_pipeline.catalogs.folder import (
    METADATA,
    TRACKS_CSV,
    Entry,
    Listing,
    Source,
    walk_audio,
)
from musqa_pipeline.catalogs.rating import Rating
from musqa_pipeline.catalogs.readers.csv_rows import rating_of, require_role, tracks_lines
from musqa_pipeline.catalogs.readers.interface import Found, Reader
from musqa_pipeline.core.csv_files import unguarded
from musqa_pipeline.core.errors import CatalogError
from musqa_pipeline.core.names import stays_inside

_Row = tuple[int, str, dict[str, str], Rating | None]
"""Line, file, metadata and rating."""


def read_folder(source: Source) -> Listing:
    """List the audio files below a folder, with what its `tracks.csv` says about them.

    Hidden files and folders are left out, symbolic links are followed (each folder once). What
    leads out of the folder is an entry that is marked, unless the owner allows such links.
    """
    folder = source.folder
    walk = walk_audio(source)
    rows = _read_csv(source, folder / TRACKS_CSV)
    audio, others = [*walk.audio, *walk.outside], walk.others
    found = {name: name for name in others} | {name: name for name in audio}
    for name in list(found):  # Archives made on macOS spell accents as two characters.
        found.setdefault(unicodedata.normalize("NFC", name), name)
    metadata: dict[str, dict[str, str]] = {name: dict.fromkeys(METADATA, "") for name in audio}
    ratings: dict[str, Rating | None] = {}
    outside = set(walk.outside)
    lines: dict[str, int] = {}
    for line, listed, values, rating in rows:
        composed, bare = unicodedata.normalize("NFC", listed), unguarded(listed)
        name = found.get(listed) or found.get(composed) or found.get(bare) or listed
        if name in lines:
            raise CatalogError(
                f"{folder / TRACKS_CSV}, line {line}: file {listed!r} is named in line "
                f"{lines[name]} already; keep one of them"
            )
        lines[name] = line
        if name not in metadata and source.leads_outside(folder / name):
            outside.add(name)
        metadata[name], ratings[name] = values, rating
    entries = (
        Entry(name, folder / name, metadata[name], ratings.get(name), leads_outside=name in outside)
        for name in sorted(metadata)
    )
    return Listing(tuple(entries), n_other_files=len(set(others) - metadata.keys()))


def _read_csv(source: Source, path: Path) -> list[_Row]:
    """Return each row, [] if there is no `tracks.csv`."""
    columns = source.columns
    if not path.is_file():
        if columns:
            raise CatalogError(
                f"columns {sorted(columns.values())} are mapped, but there is no {path}; "
                f"write one or leave the map out"
            )
        return []
    source.require_inside(path)
    with tracks_lines(path, columns) as (reader, named):
        header = reader.fieldnames or []
        wanted = [*sorted(columns.values()), named["file"]]
        absent = dict.fromkeys(column for column in wanted if column not in header)
        if absent:
            raise CatalogError(
                f"{path} has no column {', '.join(map(repr, absent))}, only "
                f"{', '.join(map(repr, header)) or 'an empty first line'}; add it, or name another "
                "one in the column map"
            )
        return [_row(path, reader.line_num, raw, named) for raw in reader if any(raw.values())]


def _row(path: Path, line: int, raw: Mapping[str, str | None], source: Mapping[str, str]) -> _Row:
    # A file name keeps its inner spaces and newlines; only the text columns are stripped.
    name = raw.get(source["file"]) or ""
    values = {key: unguarded((raw.get(source[key]) or "").strip()) for key in METADATA}
    values["role"] = values["role"].lower()
    if not stays_inside(name):
        raise CatalogError(
            f"{path}, line {line}: file={name!r}: expected a path inside the catalog's folder, "
            "relative to it"
        )
    require_role(path, line, values["role"], name)
    return line, PurePosixPath(name).as_posix(), values, rating_of(path, line, raw, source)


READER = Reader(
    name="folder",
    title="any folder of audio",
    licence="of each file, in the column licence",
    citation="",
    source="your own disk",
    layout="audio files at any depth; a tracks.csv may say more of them",
    looks_like=lambda _: False,  # what no other reader knows
    lists=lambda source: Found(read_folder(source)),
    maps_columns=True,
)
