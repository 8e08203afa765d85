"""Reading a catalog that is a folder of audio files, with or without a `tracks.csv`.

Scope: which files there are and what `tracks.csv` says about them. Nothing is opened but the CSV;
whether a file can be used is for stage 1 to find out, so that a bad one ends in quarantine.
"""

from __future__ import annotations

import csv
import os
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from musqa_pipeline.errors import CatalogError

TRACKS_CSV = "tracks.csv"
METADATA = ("title", "artist", "recording", "genre", "licence", "role", "tier")
"""What `tracks.csv` may say about a file; all other columns are ignored."""
ROLES = ("", "train", "test")
AUDIO_SUFFIXES = frozenset(
    [
        ".wav",
        ".wave",
        ".bwf",
        ".w64",
        ".rf64",
        ".flac",
        ".aif",
        ".aiff",
        ".aifc",
        ".caf",
        ".au",
        ".snd",
        ".mp3",
        ".mp2",
        ".m4a",
        ".m4b",
        ".mp4",
        ".aac",
        ".adts",
        ".alac",
        ".ogg",
        ".oga",
        ".opus",
        ".wma",
        ".wv",
        ".ape",
        ".tta",
        ".mka",
        ".webm",
        ".ac3",
        ".dsf",
    ]
)
"""Files with one of these endings are units; other files are counted and left alone."""


@dataclass(frozen=True)
class Entry:
    """One file of a catalog, whether or not it can be used."""

    file: str
    """Path relative to the catalog's folder, with ``/``; may hold surrogates (non-UTF-8 names)."""
    path: Path
    """Where it is, or should be."""
    metadata: Mapping[str, str] = field(default_factory=lambda: dict.fromkeys(METADATA, ""))
    """`METADATA` from `tracks.csv`; empty strings where it is silent."""

    @property
    def printable(self) -> str:
        """`file` as valid text: bytes that are no UTF-8 are written as escapes."""
        return os.fsencode(self.file).decode("utf-8", "backslashreplace")


@dataclass(frozen=True)
class Listing:
    """What a folder holds."""

    entries: tuple[Entry, ...]
    """Audio files, and files that `tracks.csv` names, sorted by path."""
    n_other_files: int
    """Files that are neither audio by their ending nor hidden nor the `tracks.csv`."""


def read_folder(folder: Path, columns: Mapping[str, str]) -> Listing:
    """List the audio files below a folder, with what its `tracks.csv` says about them.

    Hidden files and folders are left out, symbolic links are followed (each folder once).

    Parameters
    ----------
    folder : Path
        The catalog's folder.
    columns : mapping of str to str
        Column of `tracks.csv` to use in place of a standard name, such as
        ``{"recording": "work_id"}``.

    Returns
    -------
    Listing
        Entries in the order of their paths. A file that the CSV names and that is not there is
        an entry too.

    Raises
    ------
    CatalogError
        If the `tracks.csv` cannot be used; the message names the line.
    """
    audio, others = _walk(folder)
    rows = _read_csv(folder / TRACKS_CSV, columns)
    found = {name: name for name in others} | {name: name for name in audio}
    for name in list(found):  # Archives made on macOS spell accents as two characters.
        found.setdefault(unicodedata.normalize("NFC", name), name)
    metadata: dict[str, dict[str, str]] = {name: dict.fromkeys(METADATA, "") for name in audio}
    lines: dict[str, int] = {}
    for line, listed, values in rows:
        name = found.get(listed) or found.get(unicodedata.normalize("NFC", listed)) or listed
        if name in lines:
            raise CatalogError(
                f"{folder / TRACKS_CSV}, line {line}: file {listed!r} is named in line "
                f"{lines[name]} already; keep one of them"
            )
        lines[name] = line
        metadata[name] = values
    entries = (Entry(name, folder / name, metadata[name]) for name in sorted(metadata))
    return Listing(tuple(entries), n_other_files=len(set(others) - metadata.keys()))


def _walk(folder: Path) -> tuple[list[str], list[str]]:
    """Return relative paths of audio files (and unreadable folders), and of other files."""
    audio: list[str] = []
    others: list[str] = []
    seen: set[tuple[int, int]] = set()

    def relative(path: str) -> str:
        return PurePosixPath(os.path.relpath(path, folder)).as_posix()

    def unreadable(error: OSError) -> None:
        audio.append(relative(os.fspath(error.filename)))

    for parent, folders, files in os.walk(folder, onerror=unreadable, followlinks=True):
        status = Path(parent).stat()
        if (status.st_dev, status.st_ino) in seen:  # a link back up, or a second way here
            folders.clear()
            continue
        seen.add((status.st_dev, status.st_ino))
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in files:
            if name.startswith("."):
                continue
            path = relative(os.path.join(parent, name))  # noqa: PTH118 - keeps non-UTF-8 names
            if PurePosixPath(name).suffix.lower() in AUDIO_SUFFIXES:
                audio.append(path)
            elif path != TRACKS_CSV:
                others.append(path)
    return audio, others


def _read_csv(path: Path, columns: Mapping[str, str]) -> list[tuple[int, str, dict[str, str]]]:
    """Return (line, file, metadata) of each row, [] if there is no `tracks.csv`."""
    if not path.is_file():
        if columns:
            raise CatalogError(
                f"columns {sorted(columns.values())} are mapped, but there is no {path}; "
                f"write one or leave the map out"
            )
        return []
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            reader = csv.DictReader(stream, strict=True)
            header = [name.strip() for name in reader.fieldnames or []]
            reader.fieldnames = header
            source = {name: columns.get(name, name) for name in ("file", *METADATA)}
            _check_header(path, header, source, columns)
            return [_row(path, reader.line_num, raw, source) for raw in reader if any(raw.values())]
    except (UnicodeDecodeError, csv.Error) as error:
        raise CatalogError(f"cannot read {path}: {error}; save it as CSV in UTF-8") from error
    except OSError as error:
        raise CatalogError(
            f"cannot read {path}: {error.strerror}; make the file readable"
        ) from error


def _check_header(
    path: Path, header: list[str], source: Mapping[str, str], columns: Mapping[str, str]
) -> None:
    unknown = sorted(columns.keys() - {"file", *METADATA})
    if unknown:
        raise CatalogError(
            f"column map names {unknown}; expected some of file, {', '.join(METADATA)}"
        )
    absent = sorted(column for column in columns.values() if column not in header)
    if source["file"] not in header:
        absent.append(source["file"])
    if absent:
        raise CatalogError(
            f"{path} has no column {', '.join(map(repr, dict.fromkeys(absent)))}, only "
            f"{', '.join(map(repr, header)) or 'an empty first line'}; add it, or name another "
            "one in the column map"
        )


def _row(
    path: Path, line: int, raw: Mapping[str, str | None], source: Mapping[str, str]
) -> tuple[int, str, dict[str, str]]:
    # A file name keeps its inner spaces and newlines; only the text columns are stripped.
    name = raw.get(source["file"]) or ""
    values = {key: (raw.get(source[key]) or "").strip() for key in METADATA}
    values["role"] = values["role"].lower()
    parts = PurePosixPath(name).parts
    if not parts or name.startswith("/") or ".." in parts or "\0" in name:
        raise CatalogError(
            f"{path}, line {line}: file={name!r}: expected a path inside the catalog's folder, "
            "relative to it"
        )
    if values["role"] not in ROLES:
        raise CatalogError(
            f"{path}, line {line}: role={values['role']!r} of {name!r}: expected train, test or "
            "nothing"
        )
    return line, PurePosixPath(name).as_posix(), values
