"""Which files are scored: named one by one, below folders, in a list, or on standard input."""

from __future__ import annotations

import itertools
import os
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from musqa_pipeline.audio.files.listing import list_library
from musqa_pipeline.core.errors import SettingsError
from musqa_pipeline.core.foreign_text import path_text

SORTED_AT_ONCE = 10_000
"""So many files of a folder come in the order of their names; beyond, as they are found."""
MAX_STDIN_BYTES = 2_000_000_000


@dataclass(frozen=True)
class Item:
    """A file to score."""

    path: Path
    name: str
    """As the user named it, or the folder that holds it; bytes that are no UTF-8 as escapes."""
    problem: str = ""
    """Why it cannot be read, if that is known already."""


def items_of(paths: Iterable[Path]) -> Iterator[Item]:
    """List what paths name, as a stream: files, and all audio files below folders.

    A file that does not exist is an item too: reading it will say so. A folder without audio is one
    with a problem.
    """
    for path in paths:
        if not path.is_dir():
            yield Item(path, path_text(path))
            continue
        found = list_library(path)
        first = list(itertools.islice(found, SORTED_AT_ONCE))
        first.sort(key=lambda entry: entry.path)
        if not first:
            yield Item(path, path_text(path), "no audio file below this folder; check the path")
        for entry in itertools.chain(first, found):
            whole = path / os.fsdecode(entry.path)
            yield Item(whole, path_text(whole), entry.problem)


def read_list(file: Path) -> Iterator[Path]:
    """Read paths from a text file, as a stream: one a line, or each ended by a zero byte.

    ``find -print0`` writes the latter. Empty lines are left out, and relative paths are relative to
    the working folder. Raise SettingsError if the file cannot be read.
    """
    try:
        with file.open("rb") as stream:
            start = stream.read(1 << 16)
            separator = b"\0" if b"\0" in start else b"\n"
            for name in _split(itertools.chain([start], _chunks(stream)), separator):
                name = name.removesuffix(b"\r") if separator == b"\n" else name
                if name.strip():
                    yield Path(os.fsdecode(name))
    except OSError as error:
        raise SettingsError(f"cannot read the list {file}: {error.strerror or error}") from error


@contextmanager
def spooled(stream: IO[bytes], max_bytes: int = MAX_STDIN_BYTES) -> Iterator[Item]:
    """Copy standard input to a temporary file, because most formats need to be read twice.

    The item is named ``-``, and its file is gone after the context. Raise SettingsError if there is
    more than `max_bytes`.
    """
    with tempfile.NamedTemporaryFile(prefix="musqa-") as file:
        left = max_bytes
        for chunk in _chunks(stream):
            left -= len(chunk)
            if left < 0:
                raise SettingsError(
                    f"standard input is larger than {max_bytes / 1e6:.0f} MB; save it as a file "
                    "and name that"
                )
            file.write(chunk)
        file.flush()
        yield Item(Path(file.name), "-")


def _chunks(stream: IO[bytes]) -> Iterator[bytes]:
    return iter(lambda: stream.read(1 << 16), b"")


def _split(chunks: Iterable[bytes], separator: bytes) -> Iterator[bytes]:
    rest = b""
    for chunk in chunks:
        *whole, rest = (rest + chunk).split(separator)
        yield from whole
    yield rest
