"""Object storage as a file system of fsspec: DuckDB and mirrors read it as the lake does."""

from __future__ import annotations

import functools
from typing import Any

from fsspec import AbstractFileSystem

from musqa_pipeline.homes import SCHEME, ObjectHome
from musqa_pipeline.lake.bucket import Bucket
from musqa_pipeline.lake.object_file import ObjectFile, copy_object, read_tail

TAILS_KEPT = 64
"""DuckDB opens a file again and again, and asks for its size and time each time."""


class S3FileSystem(AbstractFileSystem):
    """Paths are bucket and key; what is open stays the version that was opened."""

    protocol = SCHEME
    cachable = False

    def __init__(self) -> None:
        super().__init__()
        self.bucket = functools.cache(lambda name: Bucket(ObjectHome(name)))
        self._tail = functools.lru_cache(TAILS_KEPT)(read_tail)

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

    def _open(self, path: str, *_: Any, **__: Any) -> ObjectFile:
        bucket, key = self._place(path)
        return ObjectFile(bucket, key, self._tail(bucket, key))

    def get_file(self, rpath: str, lpath: str, **_: Any) -> None:
        """Copy an object to a file."""
        copy_object(*self._place(rpath), lpath)

    def _place(self, path: str) -> tuple[Bucket, str]:
        name, _, key = self._strip_protocol(path).partition("/")
        return self.bucket(name), key


def _info(bucket: Bucket, key: str, size_bytes: int, version: str) -> dict[str, Any]:
    name = f"{bucket.home.bucket}/{key}"
    return {"name": name, "size": size_bytes, "type": "file", "ETag": version}
