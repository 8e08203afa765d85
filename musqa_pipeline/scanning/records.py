"""What the store keeps of a file's content and of a scan, and what it says when it cannot."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from musqa_pipeline.errors import LakeError


@dataclass(frozen=True)
class Result:
    """What was measured of some content."""

    key: str
    record: dict[str, Any]
    """Plain values; `measure.py` says which."""
    fingerprint: bytes
    thumbnail: bytes


@dataclass(frozen=True)
class Scan:
    """A scan, finished or not."""

    number: int
    setting: str
    model: str
    finished: str
    """When, in UTC; empty for one that is not finished."""
    summary: dict[str, Any]


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Turn an error of SQLite or of the disk into a `LakeError` of one sentence.

    Parameters
    ----------
    path : Path
        The store.

    Yields
    ------
    None
        Control, to the block that uses it.

    Raises
    ------
    LakeError
        In place of any `OSError` or `sqlite3.Error`.
    """
    try:
        yield
    except OSError as error:
        raise LakeError(
            f"cannot write {path}: {error.strerror or error}; name a folder that you can write "
            "with --out"
        ) from error
    except sqlite3.Error as error:
        writable = os.access(path if path.exists() else path.parent, os.W_OK)
        advice = (
            "free some space, or name another folder with --out"
            if writable
            else "you may not write there: name a folder that you can write with --out"
        )
        raise LakeError(f"cannot use {path}: {error}; {advice}") from error
