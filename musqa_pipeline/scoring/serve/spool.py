"""Where files of requests lie: a folder of this server, with room for so many bytes and no more.

A body that comes slowly holds its bytes here, and no place among those that are scored.
"""

from __future__ import annotations

import contextlib
import fcntl
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from musqa_pipeline.scoring.serve.problems import RETRY_AFTER_S, ProblemError

FOLDER_PREFIX = "musqa-serve-"


class Spool:
    """The folder, locked by this process as long as it lives, for files of `room_bytes` together.

    It is made in `parent`, or where the system has folders for such.
    """

    def __init__(self, room_bytes: int, parent: Path | None = None) -> None:
        self._room_bytes = room_bytes
        self._taken_bytes = 0
        parent = parent or Path(tempfile.gettempdir())
        _clear_abandoned(parent)
        # Named as a server's only when it is locked: another one that starts now would clear it.
        made = Path(tempfile.mkdtemp(prefix="musqa-new-", dir=parent))
        self._lock = _locked(made)
        self.path = made.rename(made.with_name(made.name.replace("musqa-new-", FOLDER_PREFIX)))

    @contextlib.contextmanager
    def folder(self) -> Iterator[Folder]:
        """Make a folder for a request, which is deleted afterwards.

        Raise ProblemError, 507, if it cannot be made: the disk is full, or somebody cleared the
        server's folder.
        """
        try:
            made = tempfile.TemporaryDirectory(dir=self.path)
        except OSError as error:
            raise ProblemError(
                507,
                "no_folder",
                f"the server cannot make a folder for files ({error.strerror}); free some space "
                "there, or start it anew",
            ) from error
        with made as path:
            folder = Folder(Path(path), self)
            try:
                yield folder
            finally:
                self._taken_bytes -= folder.taken_bytes

    def close(self) -> None:
        """Delete all files."""
        shutil.rmtree(self.path, ignore_errors=True)
        self._lock.close()

    def _take(self, n_bytes: int) -> None:
        if self._taken_bytes + n_bytes > self._room_bytes:
            raise ProblemError(
                503,
                "no_room",
                f"files of others take the {self._room_bytes / 1e6:g} MB that the server has for "
                "them; try again in a moment",
                retry_after_s=RETRY_AFTER_S,
            )
        self._taken_bytes += n_bytes


@dataclass
class Folder:
    """A folder of a request, and the room that its files take."""

    path: Path
    _spool: Spool
    taken_bytes: int = 0

    def take(self, n_bytes: int) -> None:
        """Take room for bytes, before they are written if possible, or raise a 503."""
        self._spool._take(n_bytes)
        self.taken_bytes += n_bytes


def _locked(folder: Path) -> IO[bytes]:
    """Hold a lock in a folder as long as this process lives; the kernel frees it."""
    lock = (folder / "lock").open("wb")
    fcntl.flock(lock, fcntl.LOCK_EX)
    return lock


def _clear_abandoned(parent: Path) -> None:
    """Delete folders of servers that were killed and could not."""
    for folder in parent.glob(f"{FOLDER_PREFIX}*"):
        # An error: another user's, a living server's, or not yet locked.
        with contextlib.suppress(OSError), (folder / "lock").open("rb+") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(folder)
