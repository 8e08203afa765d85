"""What a catalog's folder holds: entries, and the walk that finds them.

Scope: names and links. Nothing is opened; what a file is, readers say (`readers/`), and whether it
can be used is for stage 1 to find out, so that a bad one ends in quarantine.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from musqa_pipeline.audio.files.listing import AUDIO_SUFFIXES
from musqa_pipeline.catalogs.rating import Rating
from musqa_pipeline.core.errors import CatalogError
from musqa_pipeline.core.foreign_text import path_text

TRACKS_CSV = "tracks.csv"
METADATA = ("title", "artist", "recording", "genre", "licence", "role", "tier")
"""What `tracks.csv` may say about a file; all other columns are ignored."""
ROLES = ("", "train", "test")
COPY_TIER = "equalised"
"""Tier of darker copies (`equalised.py`); protocols train on it and never predict it."""


@dataclass(frozen=True)
class Entry:
    """One file of a catalog, whether or not it can be used."""

    file: str
    """Path relative to the catalog's folder, with ``/``; may hold surrogates (non-UTF-8 names)."""
    path: Path
    """Where it is, or should be."""
    metadata: Mapping[str, str] = field(default_factory=lambda: dict.fromkeys(METADATA, ""))
    """`METADATA` from `tracks.csv`; empty strings where it is silent."""
    rating: Rating | None = None
    """What listeners said of it, where the catalog has that."""
    leads_outside: bool = False
    """Whether a link leads out of the catalog's folder, which its owner has not allowed."""

    @property
    def printable(self) -> str:
        """`file` as valid text: bytes that are no UTF-8 are written as escapes."""
        return path_text(self.file)


@dataclass(frozen=True)
class Source:
    """What a reader is given: a folder and what its owner says of it."""

    folder: Path
    """Of a reader that reads a file, the file."""
    columns: Mapping[str, str] = field(default_factory=dict)
    """Column of `tracks.csv` to use in place of a standard name, such as
    ``{"recording": "work_id"}``."""
    follow_links: bool = False
    """Whether links may lead out of the folder."""

    def leads_outside(self, path: Path) -> bool:
        """Whether a path leads out of the folder although that is not allowed."""
        if self.follow_links:
            return False
        root, real = os.path.realpath(self.folder), os.path.realpath(path)
        return real != root and not real.startswith(root.rstrip(os.sep) + os.sep)

    def require_inside(self, path: Path) -> None:
        """Refuse a file that describes the catalog and is a link out of it."""
        if self.leads_outside(path):
            raise CatalogError(
                f"{path} is a link out of the catalog's folder; put the file itself there, or "
                "allow such links with musqa catalog add --follow-links"
            )


@dataclass(frozen=True)
class Listing:
    """What a folder holds."""

    entries: tuple[Entry, ...]
    """Audio files, and files that `tracks.csv` names, sorted by path."""
    n_other_files: int
    """Files that are neither audio by their ending nor hidden nor the `tracks.csv`."""


@dataclass(frozen=True)
class Walk:
    """What lies below a folder, as relative paths."""

    audio: list[str] = field(default_factory=list)
    """Audio files by their ending, and folders that cannot be read."""
    others: list[str] = field(default_factory=list)
    outside: list[str] = field(default_factory=list)
    """Links to audio files and to folders that lead out, and are not followed."""


def walk_audio(source: Source) -> Walk:
    """Walk through a folder."""
    folder, walk = source.folder, Walk()
    seen: set[tuple[int, int]] = set()

    def relative(path: str) -> str:
        return PurePosixPath(os.path.relpath(path, folder)).as_posix()

    def unreadable(error: OSError) -> None:
        walk.audio.append(relative(os.fspath(error.filename)))

    for parent, folders, files in os.walk(folder, onerror=unreadable, followlinks=True):
        status = Path(parent).stat()
        if (status.st_dev, status.st_ino) in seen:  # a link back up, or a second way here
            folders.clear()
            continue
        seen.add((status.st_dev, status.st_ino))
        below = sorted(name for name in folders if not name.startswith("."))
        # os.path.join keeps names that are no UTF-8.
        leading = [n for n in below if _link_outside(source, os.path.join(parent, n))]  # noqa: PTH118
        walk.outside.extend(relative(os.path.join(parent, name)) for name in leading)  # noqa: PTH118
        folders[:] = [name for name in below if name not in leading]
        for name in files:
            if name.startswith("."):
                continue
            whole = os.path.join(parent, name)  # noqa: PTH118
            path = relative(whole)
            if PurePosixPath(name).suffix.lower() in AUDIO_SUFFIXES:
                (walk.outside if _link_outside(source, whole) else walk.audio).append(path)
            elif path != TRACKS_CSV:
                walk.others.append(path)
    return walk


def _link_outside(source: Source, path: str) -> bool:
    return Path(path).is_symlink() and source.leads_outside(Path(path))
