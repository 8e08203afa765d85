"""The state of a folder of music, from its directory entries alone: no audio file is opened."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from musqa_pipeline.audio.files.listing import AUDIO_SUFFIXES
from musqa_pipeline.catalogs.folder import TRACKS_CSV, Source, walk_audio
from musqa_pipeline.core.fingerprints import digest

READY = "READY"
"""A file of this name at the top says that the catalog is whole now."""
OURS = frozenset({READY, "catalog.toml"})
"""Files at the top that are no part of a catalog's state."""


@dataclass(frozen=True)
class FolderState:
    """What a folder of music holds at one moment."""

    state: str
    """Digest of the relative path, size and modification time of all visible files."""
    n_audio: int
    n_files: int
    """Visible files, audio or not."""
    changed_s: float
    """When the youngest file was last written, moved in or touched, by the disk's clock."""
    ready_ns: int | None = None
    """Modification time of the file `READY`; None without one."""


def folder_state(source: Source) -> FolderState | None:
    """Look at a folder of music, as its reader will walk through it."""
    folder = source.folder
    try:
        next(iter(os.scandir(folder)), None)
    except OSError:
        return None
    walk = walk_audio(source)
    csv = [TRACKS_CSV] if os.path.lexists(folder / TRACKS_CSV) else []
    names = sorted({*walk.audio, *walk.others, *csv} - OURS)
    parents = {folder, *((folder / name).parent for name in names)}
    n_audio = sum(PurePosixPath(name).suffix.lower() in AUDIO_SUFFIXES for name in names)
    ready = _stat(folder / READY)
    return _state(
        [*((name, folder / name) for name in names), *((name, None) for name in walk.outside)],
        n_audio=n_audio,
        parents=parents,
        ready_ns=ready.st_mtime_ns if ready else None,
    )


def listed_state(table: Path, files: Iterable[Path]) -> FolderState | None:
    """Look at a catalog that is a table which lists files anywhere."""
    if _stat(table) is None:
        return None
    listed = sorted(files)
    return _state(
        [(os.fspath(path), path) for path in (table, *listed)],
        n_audio=len(listed),
        parents=set(),
        ready_ns=None,
    )


def _state(
    files: Iterable[tuple[str, Path | None]],
    *,
    n_audio: int,
    parents: set[Path],
    ready_ns: int | None,
) -> FolderState:
    entries: list[list[str | int]] = []
    changed_s = 0.0
    for name, path in files:
        status = _stat(path) if path is not None else None
        entry: list[str | int] = [os.fsencode(name).hex()]
        if status is not None:
            entry += [status.st_size, status.st_mtime_ns]
            changed_s = max(changed_s, status.st_ctime)
        entries.append(entry)  # a dangling link is a state too
    for parent in parents:  # a file came, left or was renamed
        status = _stat(parent)
        changed_s = max(changed_s, status.st_mtime if status else 0.0)
    return FolderState(digest(entries), n_audio, len(entries), changed_s, ready_ns)


def _stat(path: Path) -> os.stat_result | None:
    try:
        return path.stat()
    except OSError:
        return None
