"""The store on a disk: files are written aside and moved into place, locks are the kernel's."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from musqa_pipeline.core import seals
from musqa_pipeline.core.errors import LakeError
from musqa_pipeline.core.files import exclusive_lock, explained, may_be_written, whole_file
from musqa_pipeline.core.home import Home, refuse_url
from musqa_pipeline.core.names import short, stays_inside
from musqa_pipeline.core.seal_format import State, digest_of
from musqa_pipeline.storage.stores.store import LAKE, LOCKS, Held, Source, StoredFile, WorkFolder


class LocalStore:
    """Files below a folder of this machine, or of a disk that several machines share."""

    n_readers = 1

    def __init__(self, home: Path) -> None:
        refuse_url(Path(home))
        self._root = Path(home).absolute()
        self.home: Home = self._root

    def path(self, key: str) -> Path:
        """Return the path of a key; one that leads out of the home is an error.

        Raises LakeError if the key comes from a table or a manifest that is damaged.
        """
        if key and not stays_inside(key):
            raise LakeError(
                f"{short(key)} is no key below {self._root}; what names it is damaged: look with "
                "`musqa verify`"
            )
        return self._root / key

    def address(self, key: str) -> str:
        """Return the absolute path."""
        return str(self.path(key))

    def exists(self, key: str) -> bool:
        """Tell whether a file is there."""
        return self.path(key).is_file()

    def files(self, folder: str) -> list[StoredFile]:
        """List the files directly in a folder; hidden ones are none of the store's."""
        found = []
        with explained("list", self.path(folder)):
            try:
                with os.scandir(self.path(folder)) as entries:
                    for entry in entries:
                        if not entry.name.startswith(".") and entry.is_file():
                            found.append(_seen(f"{folder}/{entry.name}", entry.stat))
            except (FileNotFoundError, NotADirectoryError):
                return []
        return sorted(file for file in found if file is not None)

    def walk(self, folder: str) -> list[StoredFile]:
        """List the files in a folder at any depth, sorted by key."""
        found = self.files(folder)
        for name in self.folders(folder):
            found += self.walk(f"{folder}/{name}")
        return sorted(found)

    def folders(self, folder: str) -> list[str]:
        """List the names of the folders directly in a folder, sorted."""
        with explained("list", self.path(folder)):
            try:
                with os.scandir(self.path(folder)) as entries:
                    return sorted(e.name for e in entries if e.is_dir() and e.name[0] != ".")
            except (FileNotFoundError, NotADirectoryError):
                return []

    @contextmanager
    def opened(self, key: str) -> Iterator[Source]:
        """Give pyarrow the path."""
        yield str(self.path(key))

    def read_bytes(self, key: str) -> bytes:
        """Read a file, which has to be what was written if it has a seal."""
        return seals.read(self.path(key), editable=key.endswith(".toml"))

    def read_versioned(self, key: str) -> tuple[bytes, str] | None:
        """Read a file with a hash of its content; None if it is not there."""
        try:
            content = self.read_bytes(key)
        except FileNotFoundError:
            return None
        return content, digest_of(content)

    def writing(
        self, key: str, *, sealed: bool = False, twice: bool = False
    ) -> AbstractContextManager[Path]:
        """Give a hidden path beside the file, which is moved over it."""
        return whole_file(self.path(key), sealed=sealed, twice=twice)

    def write_bytes(self, key: str, content: bytes) -> None:
        """Write a file whole, over an older one if there is one."""
        says_itself = key.startswith(f"{LAKE}/") and content.startswith(b"PAR1")
        sealed = not (says_itself or key.startswith(f"{LOCKS}/"))
        with self.writing(key, sealed=sealed) as temporary:
            temporary.write_bytes(content)

    def check(self, key: str) -> State:
        """Compare a file with its seal."""
        return seals.check(self.path(key))

    def seal(self, key: str, *, twice: bool = False) -> None:
        """Seal a file as it is."""
        with explained("write", self.path(key)):
            seals.add(self.path(key), twice=twice)

    def restore(self, key: str) -> bool:
        """Put back what the seal of a small file remembers."""
        with explained("write", self.path(key)):
            return seals.restore(self.path(key))

    @contextmanager
    def lent(self, key: str) -> Iterator[Path]:
        """Give the file itself."""
        yield self.path(key)

    def commit(self, key: str, content: bytes, expected: str | None) -> bool:
        """Write a file if its content is still the expected one."""
        with self.lock("commit"):
            present = self.read_versioned(key)
            if (present[1] if present else None) != expected:
                return False
            self.write_bytes(key, content)
            return True

    def delete(self, key: str) -> None:
        """Delete a file if it is there."""
        with explained("delete", path := self.path(key)):
            seals.remove(path)

    def move(self, key: str, target: str) -> None:
        """Rename a file; its new folder is made."""
        with explained("move", self.path(key)):
            self.path(target).parent.mkdir(parents=True, exist_ok=True)
            seals.move(self.path(key), self.path(target))
            os.utime(self.path(target))

    def sweep(self, folder: str, *, only_dead: bool = False) -> None:
        """Delete the temporary files of `whole_file` that a kill left behind."""
        for leftover in self.path(folder).glob(".*.tmp"):
            if not (only_dead and may_be_written(leftover)):
                with explained("delete", leftover):
                    leftover.unlink(missing_ok=True)

    def leftovers(self, folder: str) -> list[StoredFile]:
        """List the temporary files of `whole_file` below a folder."""
        found = []
        with explained("list", self.path(folder)):
            for parent, _, names in os.walk(self.path(folder)):
                for name in names:
                    if name.startswith(".") and name.endswith(".tmp"):
                        path = Path(parent) / name
                        found.append(_seen(path.relative_to(self._root).as_posix(), path.stat))
        return sorted(file for file in found if file is not None)

    def prune(self, folder: str) -> None:
        """Remove the empty folders below a folder, and itself if it is empty then."""
        for parent, _, _ in os.walk(self.path(folder), topdown=False):
            with contextlib.suppress(OSError):  # it holds something
                Path(parent).rmdir()

    @contextmanager
    def lock(self, name: str, *, wait: bool = True) -> Iterator[Held]:
        """Hold a lock on a file, which the kernel frees if its holder dies."""
        with exclusive_lock(self._root / LOCKS / f"{name}.lock", wait=wait):
            yield _KernelLock()

    def local_file(self, key: str) -> Path:
        """Return the file itself."""
        return self.path(key)

    def local_folder(self, folder: str) -> Path:
        """Return the folder itself."""
        return self.path(folder)

    def copies(self) -> list[StoredFile]:
        """List nothing: files are read where they are."""
        return []

    def drop_copies(self, paths: Iterable[str]) -> None:
        """Do nothing, for there are none."""

    @contextmanager
    def work_folder(self, folder: str) -> Iterator[WorkFolder]:
        """Give the folder itself, which is made; half-written files of kills are dropped."""
        path = self.path(folder)
        with explained("write", path):
            path.mkdir(parents=True, exist_ok=True)
        self.sweep(folder, only_dead=True)
        yield WorkFolder(path, folder, _nothing_to_put)
        for file in self.walk(folder):
            if not seals.seal_path(self.path(file.key)).exists():
                self.seal(file.key)


class _KernelLock:
    """A lock that only its holder's end takes away."""

    def check(self) -> None:
        """Do nothing."""


def _seen(key: str, look: Callable[[], os.stat_result]) -> StoredFile | None:
    try:
        status = look()
    except FileNotFoundError:  # moved away since the folder was listed
        return None
    version = f"{status.st_ino}-{status.st_size}-{status.st_mtime_ns}"
    return StoredFile(key, status.st_size, version, status.st_mtime)


def _nothing_to_put() -> None:
    """Do nothing: what is written to a disk is there."""
