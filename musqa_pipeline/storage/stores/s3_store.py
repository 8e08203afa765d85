"""The store on object storage: objects are there only whole, and locks are leases.

What must be exclusive is a put with a condition; a process that lost a lock writes nothing more.
"""

from __future__ import annotations

import os
import tempfile
import threading
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from musqa_pipeline.core.files import explained
from musqa_pipeline.core.home import Home, ObjectHome
from musqa_pipeline.core.seal_format import State, file_digest
from musqa_pipeline.storage.stores import local_cache
from musqa_pipeline.storage.stores.s3_bucket import Bucket
from musqa_pipeline.storage.stores.s3_file import copy_object, open_object
from musqa_pipeline.storage.stores.s3_leases import Leases
from musqa_pipeline.storage.stores.s3_uploads import (
    abort_upload,
    abort_uploads,
    list_uploads,
    put_file,
)
from musqa_pipeline.storage.stores.store import LOCKS, Held, Source, StoredFile, WorkFolder


class ObjectStore:
    """Objects below a home; one such store per process and home."""

    n_readers = 16
    """Requests that wait for the network at the same time."""

    def __init__(self, home: ObjectHome) -> None:
        self.home: Home = home
        self._bucket = Bucket(home)
        self._leases = Leases(self._bucket)
        self._scratch = local_cache.scratch_folder(home)

    def address(self, key: str) -> str:
        """Return the URL."""
        return str(self.home / key)

    def exists(self, key: str) -> bool:
        """Tell whether an object is there."""
        return self._bucket.look_up(key) is not None

    def files(self, folder: str) -> list[StoredFile]:
        """List the objects directly in a folder."""
        return self._bucket.listing(folder, deep=False)[0]

    def walk(self, folder: str) -> list[StoredFile]:
        """List the objects in a folder at any depth."""
        return self._bucket.listing(folder, deep=True)[0]

    def folders(self, folder: str) -> list[str]:
        """List the names of the folders directly in a folder."""
        return self._bucket.listing(folder, deep=False)[1]

    @contextmanager
    def opened(self, key: str) -> Iterator[Source]:
        """Open an object for pyarrow."""
        with open_object(self._bucket, key) as file:
            yield file

    def read_bytes(self, key: str) -> bytes:
        """Read an object."""
        found = self._bucket.get(key)
        if found is None:
            raise FileNotFoundError(f"{self.address(key)} is not there")
        return found.content

    def read_versioned(self, key: str) -> tuple[bytes, str] | None:
        """Read an object with its version; None if it is not there."""
        found = self._bucket.get(key)
        return (found.content, found.version) if found else None

    @contextmanager
    def writing(self, key: str, *, sealed: bool = False, twice: bool = False) -> Iterator[Path]:
        """Give a path in the scratch folder, whose file becomes the object."""
        name = f"{os.getpid()}-{threading.get_ident()}-{key.rpartition('/')[2]}"
        path = self._scratch / "outbox" / name
        with explained("write", path):
            path.parent.mkdir(parents=True, exist_ok=True)
            try:
                yield path
                self._leases.check()
                put_file(self._bucket, key, path)
            finally:
                path.unlink(missing_ok=True)

    def check(self, key: str) -> State:
        """Compare an object with the digest that its metadata has."""
        found = self._bucket.look_up(key)
        if found is None:
            raise FileNotFoundError(f"{self.address(key)} is not there")
        _, digest = found
        if not digest:
            return State.NONE
        with self.lent(key) as path:
            same = file_digest(path) == digest or self._bucket.look_up(key) != found
        return State.WHOLE if same else State.WRONG

    def seal(self, key: str, *, twice: bool = False) -> None:
        """Put an object again, with a digest."""
        with self.lent(key) as path:
            self._leases.check()
            put_file(self._bucket, key, path)

    def restore(self, key: str) -> bool:
        """Say no: objects have no copies."""
        return False

    @contextmanager
    def lent(self, key: str) -> Iterator[Path]:
        """Copy an object to a file that goes when the block ends."""
        with tempfile.TemporaryDirectory(prefix="musqa-object-") as folder:
            path = Path(folder) / key.rpartition("/")[2]
            copy_object(self._bucket, key, path)
            yield path

    def write_bytes(self, key: str, content: bytes) -> None:
        """Put an object whole."""
        self._leases.check()
        self._bucket.put(key, content)

    def commit(self, key: str, content: bytes, expected: str | None) -> bool:
        """Put an object on the condition that it is as expected, holding all locks still."""
        self._leases.confirm()
        return self._bucket.put(key, content, expected) is not None

    def delete(self, key: str) -> None:
        """Delete an object if it is there."""
        self._leases.check()
        if not abort_upload(self._bucket, key):
            self._bucket.delete(key)

    def move(self, key: str, target: str) -> None:
        """Copy an object, then delete it."""
        self._leases.check()
        self._bucket.copy(key, target)
        self._bucket.delete(key)

    def sweep(self, folder: str, *, only_dead: bool = False) -> None:
        """Drop uploads that killed writers began; where others may write, none can be told dead."""
        self._leases.check()
        if not only_dead:
            abort_uploads(self._bucket, folder)

    def leftovers(self, folder: str) -> list[StoredFile]:
        """List the uploads that nobody ended; `delete` takes their names."""
        return list_uploads(self._bucket, folder)

    def prune(self, folder: str) -> None:
        """Do nothing: folders are no things here."""

    def lock(self, name: str, *, wait: bool = True) -> AbstractContextManager[Held]:
        """Return a lease, which expires if its holder dies."""
        return self._leases.hold(f"{LOCKS}/{name}.lease", wait=wait)

    def local_file(self, key: str) -> Path:
        """Return a copy in the scratch folder."""
        found = self._bucket.look_up(key)
        if found is None:
            raise FileNotFoundError(f"{self.address(key)} is not there")
        return local_cache.mirrored(self._bucket, self._scratch, found[0])

    def local_folder(self, folder: str) -> Path:
        """Return a copy in the scratch folder."""
        return local_cache.mirrored_folder(self._bucket, self._scratch, folder)

    def copies(self) -> list[StoredFile]:
        """List the copies in the scratch folder."""
        return local_cache.copies(self._scratch)

    def drop_copies(self, paths: Iterable[str]) -> None:
        """Delete copies in the scratch folder."""
        local_cache.drop_copies(self._scratch, paths)

    @contextmanager
    def work_folder(self, folder: str) -> Iterator[WorkFolder]:
        """Give a folder in the scratch folder, whose files become objects."""
        with local_cache.work_folder(self._bucket, self._scratch, folder) as work:

            def put() -> None:
                self._leases.check()
                work.put()

            yield WorkFolder(work.path, work.key, put)
            self._leases.check()
