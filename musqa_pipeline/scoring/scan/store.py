"""What a scan remembers: one SQLite file, written by one process, read by many.

SQLite because a scan is many small results that must survive a kill at any moment, be found by
content, and never be in memory all at once; it is one file, in the standard library, and readable
by anything. It runs in WAL mode: each result is committed as it comes, at the cost of an append,
and the worker processes look up known content while the scan writes. A kill costs the files that
were being worked on. After a power cut the file is whole, without the last results perhaps.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from musqa_pipeline.audio.files.listing import Found
from musqa_pipeline.core import seals
from musqa_pipeline.core.errors import LakeError
from musqa_pipeline.scoring.scan.damage import check, explained, trusted

FILE = "scan.sqlite"
LAYOUT = 1
BUSY_S = 60.0
BATCH = 500
_SCHEMA = f"""
BEGIN IMMEDIATE;
CREATE TABLE IF NOT EXISTS scans (
    id INTEGER PRIMARY KEY, library TEXT, setting TEXT, model TEXT, finished TEXT, summary TEXT);
CREATE TABLE IF NOT EXISTS results (
    key TEXT, setting TEXT, duration_s REAL, mos REAL, record TEXT, fingerprint BLOB,
    thumbnail BLOB, PRIMARY KEY (key, setting));
CREATE TABLE IF NOT EXISTS files (
    scan INTEGER, path BLOB, size INTEGER, mtime_ns INTEGER, pass INTEGER, key TEXT, problem TEXT,
    PRIMARY KEY (scan, path)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS files_by_key ON files (scan, key);
PRAGMA user_version = {LAYOUT};
COMMIT;
"""


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


class ScanStore:
    """The file of a scan, in a folder; `read_only` is for processes that look up alone.

    Raise DamagedStoreError if it is not what was written, LakeError if the folder cannot be
    written, or another version made the file.
    """

    def __init__(self, folder: Path, *, read_only: bool = False) -> None:
        self.path = folder / FILE
        self._is_finished = False
        with explained(self.path):
            if not read_only:
                folder.mkdir(parents=True, exist_ok=True)
            mode = "ro" if read_only else "rwc"
            uri = f"{self.path.absolute().as_uri()}?mode={mode}"
            self._db = sqlite3.connect(uri, uri=True, timeout=BUSY_S, isolation_level=None)
            if read_only:
                return
            check(self.path, self._db)
            layout = self._db.execute("PRAGMA user_version").fetchone()[0]
            if layout not in (0, LAYOUT):
                raise LakeError(
                    f"{self.path} has layout {layout}, expected {LAYOUT}: another version of musqa "
                    "made it; name another folder with --out"
                )
            seals.seal_path(self.path).unlink(missing_ok=True)
            self._db.execute("PRAGMA journal_mode = WAL")
            self._db.execute("PRAGMA synchronous = NORMAL")
            self._db.executescript(_SCHEMA)

    def close(self) -> None:
        """Close the file; that of a finished scan is sealed."""
        if self._is_finished:  # others may read still: what they would leave beside it is put in
            self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        self._db.close()
        if self._is_finished:
            with explained(self.path):
                seals.add(self.path)

    def begin(self, library: str, setting: str, model: str) -> tuple[Scan, Scan | None]:
        """Go on with an unfinished scan of this library and these settings, or begin one.

        Return it with the last finished one of this library, None without one.
        """
        with trusted(self.path), self._transaction():
            rows = self._scans("WHERE library = ? AND finished != '' ORDER BY id DESC", library)
            previous = next(rows, None)
            open_ones = list(self._scans("WHERE library = ? AND finished = ''", library))
            current = next((s for s in open_ones if s.setting == setting), None)
            for scan in open_ones:
                if scan is not current:  # given up: other settings were wanted since
                    self._db.execute("DELETE FROM files WHERE scan = ?", (scan.number,))
                    self._db.execute("DELETE FROM scans WHERE id = ?", (scan.number,))
            if current is None:
                number = self._db.execute(
                    "INSERT INTO scans (library, setting, model, finished, summary) "
                    "VALUES (?, ?, ?, '', '{}')",
                    (library, setting, model),
                ).lastrowid
                current = Scan(int(number or 0), setting, model, "", {})
        return current, previous

    def list_files(self, scan: int, found: Iterable[Found]) -> None:
        """Note all files of the library; those that changed lose what was known of them."""
        query = "SELECT coalesce(max(pass), 0) FROM files WHERE scan = ?"
        (last,) = self.rows(query, scan).fetchone()
        with self._transaction():
            for file in found:
                self._db.execute(
                    "INSERT INTO files VALUES (?1, ?2, ?3, ?4, ?5, NULL, ?6) "
                    "ON CONFLICT (scan, path) DO UPDATE SET pass = ?5, size = ?3, mtime_ns = ?4, "
                    "problem = iif(size = ?3 AND mtime_ns = ?4, coalesce(?6, problem), ?6), "
                    "key = iif(size = ?3 AND mtime_ns = ?4, key, NULL)",
                    (scan, file.path, file.size, file.mtime_ns, last + 1, file.problem or None),
                )
            self._db.execute("DELETE FROM files WHERE scan = ? AND pass != ?", (scan, last + 1))

    def reuse(self, scan: int, previous: int, setting: str) -> None:
        """Take over the keys of files that have size and time of change of the scan before.

        Only what has a result under `setting` is taken over.
        """
        query = (
            "UPDATE files SET key = (SELECT old.key FROM files AS old JOIN results ON "
            "results.key = old.key AND results.setting = ?3 WHERE old.scan = ?2 AND "
            "old.path = files.path AND old.size = files.size AND old.mtime_ns = files.mtime_ns) "
            "WHERE scan = ?1 AND key IS NULL AND problem IS NULL"
        )
        self.rows(query, scan, previous, setting)

    def waiting(self, scan: int) -> Iterator[bytes]:
        """Give the paths that are neither scored nor refused, while others are being written."""
        query = (
            "SELECT path FROM files WHERE scan = ? AND path > ? AND key IS NULL AND "
            "problem IS NULL ORDER BY path LIMIT ?"
        )
        after = b""
        while True:
            with explained(self.path):
                rows = self.rows(query, scan, after, BATCH).fetchall()
            if not rows:
                return
            yield from (path for (path,) in rows)
            after = rows[-1][0]

    def count(self, scan: int) -> dict[str, int]:
        """Return the numbers of files: `files`, `scored` (or without a score), `unreadable`."""
        query = "SELECT count(*), count(key), count(problem) FROM files WHERE scan = ?"
        names = ("files", "scored", "unreadable")
        return dict(zip(names, self.rows(query, scan).fetchone(), strict=True))

    def has(self, key: str, setting: str) -> bool:
        """Return whether there is a result for some content."""
        query = "SELECT 1 FROM results WHERE key = ? AND setting = ?"
        return bool(self.rows(query, key, setting).fetchone())

    def save(self, scan: int, setting: str, path: bytes, found: Result | str) -> None:
        """Keep what was measured of a file, or the key of its content if the result is known."""
        with self._transaction():
            if isinstance(found, Result):
                record = found.record
                self._db.execute(
                    "INSERT OR REPLACE INTO results VALUES (?, ?, ?, ?, ?, ?, ?)",
                    (
                        found.key,
                        setting,
                        record["duration_s"],
                        record["mos"],
                        json.dumps(record, ensure_ascii=False, separators=(",", ":")),
                        found.fingerprint,
                        found.thumbnail,
                    ),
                )
            key = found.key if isinstance(found, Result) else found
            self._db.execute(
                "UPDATE files SET key = ? WHERE scan = ? AND path = ?", (key, scan, path)
            )

    def refuse(self, scan: int, path: bytes, problem: str) -> None:
        """Keep why a file has no result; the next scan tries it again."""
        query = "UPDATE files SET problem = ? WHERE scan = ? AND path = ?"
        self.rows(query, problem, scan, path)

    def finish(self, scan: int, previous: Scan | None, summary: dict[str, Any]) -> None:
        """Close a scan; the files of the one before are forgotten, its summary is kept."""
        with self._transaction():
            self._db.execute(
                "UPDATE scans SET finished = datetime('now'), summary = ? WHERE id = ?",
                (json.dumps(summary), scan),
            )
            if previous is not None:
                self._db.execute(
                    "DELETE FROM files WHERE scan < ?1 AND scan IN (SELECT id FROM scans WHERE "
                    "library = (SELECT library FROM scans WHERE id = ?1))",
                    (previous.number,),
                )
        self._is_finished = True

    def rows(self, query: str, *values: Any) -> sqlite3.Cursor:
        """Run one query; it is what readers use (`rows.py`, `changes.py`, `copies.py`)."""
        with explained(self.path):
            return self._db.execute(query, values)

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        with explained(self.path):
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                if self._db.in_transaction:  # SQLite ends it by itself when the disk is full
                    self._db.execute("ROLLBACK")
                raise
            self._db.execute("COMMIT")

    def _scans(self, where: str, *values: Any) -> Iterator[Scan]:
        query = f"SELECT id, setting, model, finished, summary FROM scans {where}"
        for number, setting, model, finished, summary in self._db.execute(query, values):
            yield Scan(number, setting, model, finished, json.loads(summary))
