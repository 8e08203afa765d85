"""What becomes of a store that cannot be used: told in a sentence, or set aside if it is damaged.

SQLite sees damage of its own structure when it comes across it, and none of what it keeps. So the
file of a finished scan is sealed (`seals.py`) and compared with its seal before the next one; that
of a scan that was stopped has none, and SQLite is asked to look through it.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

from musqa_pipeline.core import seals
from musqa_pipeline.core.errors import LakeError
from musqa_pipeline.core.seal_format import State

COMPANIONS = ("-wal", "-shm")
"""What SQLite keeps beside a file."""
DAMAGED = (
    sqlite3.SQLITE_ERROR,  # tables or columns are not there
    sqlite3.SQLITE_CORRUPT,
    sqlite3.SQLITE_NOTADB,
    sqlite3.SQLITE_CONSTRAINT,
    sqlite3.SQLITE_MISMATCH,
    sqlite3.SQLITE_TOOBIG,
)
IN_USE = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)


class DamagedStoreError(LakeError):
    """A store that does not hold what was written to it, or is none."""


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Turn an error of SQLite or of the disk into a `LakeError` of one sentence.

    It is a DamagedStoreError where it comes from what is in the file.
    """
    try:
        yield
    except OSError as error:
        raise LakeError(
            f"cannot write {path}: {error.strerror or error}; name a folder that you can write "
            "with --out"
        ) from error
    except sqlite3.Error as error:
        # What the module finds itself, such as text that is no UTF-8, has no code.
        code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_CORRUPT)
        if code & 0xFF in DAMAGED or code == sqlite3.SQLITE_IOERR_SHORT_READ:
            raise DamagedStoreError(f"{path}: {error}") from error
        if path.exists() and not path.is_file():
            advice = "it is no file: move it away, or name another folder with --out"
        elif code & 0xFF in IN_USE:
            advice = "another program uses it: close that, and scan again"
        else:
            advice = "free some space, or name another folder, that you can write, with --out"
        raise LakeError(f"cannot use {path}: {error}; {advice}") from error


@contextmanager
def trusted(path: Path) -> Iterator[None]:
    """Raise DamagedStoreError where stored values that the block reads make no sense, too."""
    try:
        with explained(path):
            yield
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise DamagedStoreError(f"{path}: {type(error).__name__}: {error}") from error


def check(path: Path, db: sqlite3.Connection) -> None:
    """Raise DamagedStoreError if a store is not what was written.

    Nothing was written by `db`, a connection to it, since it was opened.
    """
    state = seals.check(path) if path.exists() else State.NONE
    if state is State.WRONG:
        raise DamagedStoreError(f"{path}: {state.value}")
    whole = state is State.WHOLE
    (found,) = ("ok",) if whole else db.execute("PRAGMA quick_check(1)").fetchone()
    (layout,) = db.execute("PRAGMA user_version").fetchone()
    (n_tables,) = db.execute("SELECT count(*) FROM sqlite_master").fetchone()
    if found != "ok" or (n_tables and not layout):
        found = "it holds no scan" if found == "ok" else " ".join(found.split())
        raise DamagedStoreError(f"{path}: {found}")


def set_aside(path: Path) -> Path:
    """Move a store out of the way, with all that belongs to it, and return where it is now."""
    names = (path.with_name(f"{path.stem}.damaged-{n}{path.suffix}") for n in count(1))
    aside = next(name for name in names if not name.exists())
    with explained(path):
        seals.seal_path(path).unlink(missing_ok=True)
        for ending in COMPANIONS:
            companion = Path(f"{path}{ending}")
            if companion.exists():
                companion.rename(f"{aside}{ending}")
        path.rename(aside)
    return aside
