"""Which files a library holds: listed as a stream, so that a folder may hold any number of them."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

AUDIO_SUFFIXES = frozenset(
    {
        ".wav", ".wave", ".bwf", ".w64", ".rf64", ".flac", ".aif", ".aiff", ".aifc", ".caf", ".au",
        ".snd", ".mp3", ".mp2", ".m4a", ".m4b", ".mp4", ".aac", ".adts", ".alac", ".ogg", ".oga",
        ".opus", ".wma", ".wv", ".ape", ".tta", ".mka", ".webm", ".ac3", ".dsf",
    }
)  # fmt: skip
"""Files with one of these endings are units; other files are counted and left alone."""


@dataclass(frozen=True)
class Found:
    """A file of the library, or a folder that cannot be listed."""

    path: bytes
    """Relative to the library, as the file system spells it."""
    size: int
    mtime_ns: int
    problem: str = ""
    """Why it cannot be read, as far as listing shows; empty otherwise."""


def list_library(library: Path, leave_out: Path | None = None) -> Iterator[Found]:
    """List the audio files below a folder, in no particular order.

    Hidden files and folders are left out, and so is `leave_out`, that of a scan's own results;
    symbolic links are followed, each folder once. What is audio is told by the ending of the name,
    so that a picture that was renamed is listed too, and later gets a row that says what it is.
    Folders that cannot be listed are given with their problem.
    """
    seen = set()
    if leave_out is not None and leave_out.is_dir():
        seen.add(_identity(leave_out.stat()))
    root = os.fsencode(library)
    waiting = [root]
    while waiting:
        folder = waiting.pop()
        try:
            # The handle, not the name: a folder of 200,000 files is read as it is walked.
            with os.scandir(folder) as entries:
                identity = _identity(os.stat(folder))  # noqa: PTH116 - bytes
                if identity in seen:
                    continue
                seen.add(identity)
                for entry in entries:
                    if entry.name.startswith(b"."):
                        continue
                    found = _look(entry, root, waiting)
                    if found is not None:
                        yield found
        except OSError as error:
            reason = f"the folder cannot be listed: {error.strerror or error}"
            yield Found(_relative(folder, root), 0, 0, reason)


def _look(entry: os.DirEntry[bytes], root: bytes, waiting: list[bytes]) -> Found | None:
    try:
        if entry.is_dir():
            waiting.append(entry.path)
            return None
        if PurePosixPath(os.fsdecode(entry.name)).suffix.lower() not in AUDIO_SUFFIXES:
            return None
        status = entry.stat()
    except OSError as error:
        reason = f"the file cannot be looked at: {error.strerror or error}"
        return Found(_relative(entry.path, root), 0, 0, reason)
    path = _relative(entry.path, root)
    if not stat.S_ISREG(status.st_mode):  # opening a pipe would wait for ever
        return Found(path, 0, status.st_mtime_ns, "it is no regular file")
    return Found(path, status.st_size, status.st_mtime_ns)


def _relative(path: bytes, root: bytes) -> bytes:
    return os.path.relpath(path, root)


def _identity(status: os.stat_result) -> tuple[int, int]:
    return status.st_dev, status.st_ino
