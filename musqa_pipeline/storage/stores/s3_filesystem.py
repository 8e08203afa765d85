"""Object storage as a file system of fsspec: DuckDB and mirrors read it as the lake does."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

from fsspec import AbstractFileSystem

from musqa_pipeline.core.home import SCHEME, ObjectHome
from musqa_pipeline.storage.stores.s3_bucket import Answer, Bucket
from musqa_pipeline.storage.stores.s3_file import ObjectFile, copy_object, read_tail
from musqa_pipeline.storage.stores.store import SUFFIX

BLOCK_BYTES = 1 << 20
"""Read at once: DuckDB asks for one column of one row group at a time."""
BLOCKS_KEPT = 64
"""DuckDB opens a file again and again, in several threads, and asks for its size each time."""


class S3FileSystem(AbstractFileSystem):
    """Paths are bucket and key; what is open stays the version that was opened."""

    protocol = SCHEME
    cachable = False

    def __init__(self) -> None:
        super().__init__()
        self.bucket = functools.cache(lambda name: Bucket(ObjectHome(name)))
        self._kept = _Kept()

    def ls(self, path: str, detail: bool = True, **_: Any) -> Any:
        """List what is directly in a folder."""
        bucket, key = self._place(path)
        files, folders = bucket.listing(key, deep=False)
        found = [_info(bucket, f.key, f.size_bytes, f.version) for f in files]
        base = self._strip_protocol(path)
        found += [{"name": f"{base}/{f}", "size": 0, "type": "directory"} for f in folders]
        if key and not found:
            raise FileNotFoundError(f"{bucket.home / key} holds nothing")
        return found if detail else [info["name"] for info in found]

    def find(self, path: str, *_: Any, detail: bool = False, **__: Any) -> Any:
        """List the files at any depth, with one request; a bucket has no folders to be listed."""
        bucket, key = self._place(path)
        files = bucket.listing(key, deep=True)[0]
        found = [_info(bucket, f.key, f.size_bytes, f.version) for f in files]
        return {i["name"]: i for i in found} if detail else [i["name"] for i in found]

    def info(self, path: str, **_: Any) -> dict[str, Any]:
        """Describe a file."""
        bucket, key = self._place(path)
        tail = self._tail(bucket, key)
        return _info(bucket, key, tail.size_bytes, tail.version)

    def exists(self, path: str, **_: Any) -> bool:
        """Tell whether a file is there; storage that does not answer is an error."""
        try:
            self.info(path)
        except FileNotFoundError:
            return False
        return True

    def modified(self, path: str) -> Any:
        """Tell when a file was put, as a datetime."""
        return self._tail(*self._place(path)).modified

    def _open(self, path: str, *_: Any, **__: Any) -> Any:
        bucket, key = self._place(path)
        kind = _SharedFile if key.endswith(SUFFIX) else _BlockFile
        return kind(bucket, key, self._tail(bucket, key), self._kept)

    def get_file(self, rpath: str, lpath: str, **_: Any) -> None:
        """Copy an object to a file."""
        copy_object(*self._place(rpath), lpath)

    def _tail(self, bucket: Bucket, key: str) -> Answer:
        return self._kept((bucket.home, key), lambda: read_tail(bucket, key))

    def _place(self, path: str) -> tuple[Bucket, str]:
        name, _, key = self._strip_protocol(path).partition("/")
        return self.bucket(name), key


class _Kept:
    """What was read last; what several threads want at once is read by one of them."""

    def __init__(self) -> None:
        self._found: dict[Any, Future[Any]] = {}
        self._turn = threading.Lock()

    def __call__(self, name: Any, read: Callable[[], Any]) -> Any:
        with self._turn:
            mine = name not in self._found
            future = self._found.setdefault(name, Future())
            if len(self._found) > BLOCKS_KEPT:
                del self._found[next(iter(self._found))]
        if mine:
            try:
                future.set_result(read())
            except BaseException as error:
                self._found.pop(name, None)
                future.set_exception(error)
        return future.result()


class _BlockFile(ObjectFile):
    """Reads small parts in blocks that are kept."""

    def __init__(self, bucket: Bucket, key: str, tail: Answer, kept: _Kept) -> None:
        super().__init__(bucket, key, tail)
        self._kept = kept

    def _part(self, first: int, end: int) -> bytes:
        if end - first >= BLOCK_BYTES or first >= self._tail.first_byte:
            return super()._part(first, end)
        start = first - first % BLOCK_BYTES
        content = b"".join(self._block(at) for at in range(start, end, BLOCK_BYTES))
        return content[first - start : end - start]

    def _block(self, start: int) -> bytes:
        part, end = super()._part, min(start + BLOCK_BYTES, self.size())
        name = (self._bucket.home, self._key, self._tail.version, start)
        block: bytes = self._kept(name, lambda: part(start, end))
        return block


class _SharedFile(threading.local):
    """A file with a position for each thread: DuckDB's threads seek and read in one at once."""

    def __init__(self, *about: Any) -> None:
        self._file = _BlockFile(*about)

    def seek(self, offset: int) -> int:
        return self._file.seek(offset)

    def read(self, size: int) -> bytes:
        return self._file.read(size)

    def close(self) -> None:
        self._file.close()


def _info(bucket: Bucket, key: str, size_bytes: int, version: str) -> dict[str, Any]:
    name = f"{bucket.home.bucket}/{key}"
    return {"name": name, "size": size_bytes, "type": "file", "ETag": version}
