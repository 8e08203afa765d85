"""An object as a file for pyarrow: its end is read at once, other parts when they are asked for."""

from __future__ import annotations

import io
from pathlib import Path

import pyarrow as pa

from musqa_pipeline.core.files import explained
from musqa_pipeline.storage.stores.s3_bucket import Answer, Bucket

TAIL_BYTES = 1 << 18
"""Read at first: all of a small fragment, the footer of a large one."""
PIECE_BYTES = 8 << 20
"""Read at a time where an object is copied."""


def open_object(bucket: Bucket, key: str) -> pa.NativeFile:
    """Open an object for reading, in the version that it has now.

    Raises FileNotFoundError if it is not there.
    """
    tail = read_tail(bucket, key)
    if tail.first_byte == 0:
        return pa.BufferReader(tail.content)
    return pa.PythonFile(ObjectFile(bucket, key, tail), mode="r")


def read_tail(bucket: Bucket, key: str) -> Answer:
    """Read the end of an object; `FileNotFoundError` if there is none."""
    tail = bucket.get(key, span=f"bytes=-{TAIL_BYTES}")
    if tail is None:
        raise FileNotFoundError(f"{bucket.home / key} is not there")
    return tail


def copy_object(bucket: Bucket, key: str, path: str | Path) -> None:
    """Copy an object of any size to a file, which is torn if the copy fails."""
    path = Path(path)
    with open_object(bucket, key) as source, explained("write", path), path.open("wb") as file:
        while piece := source.read(PIECE_BYTES):
            file.write(piece)


class ObjectFile(io.RawIOBase):
    """A read-only file over ranges of an object."""

    def __init__(self, bucket: Bucket, key: str, tail: Answer) -> None:
        super().__init__()
        self._bucket, self._key, self._tail = bucket, key, tail
        self._position = 0

    def readable(self) -> bool:
        """Say yes."""
        return True

    def seekable(self) -> bool:
        """Say yes."""
        return True

    def tell(self) -> int:
        """Return the position, in bytes."""
        return self._position

    def size(self) -> int:
        """Return the size of the object, in bytes."""
        return self._tail.size_bytes

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Move the position."""
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self.size()}[whence]
        self._position = start + offset
        return self._position

    def read(self, size: int = -1) -> bytes:
        """Read from the position; fewer bytes only at the end."""
        first = self._position
        end = self.size() if size < 0 else min(first + size, self.size())
        if end <= first:
            return b""
        content = self._part(first, end)
        self._position = end
        return content

    def _part(self, first: int, end: int) -> bytes:
        tail = self._tail
        if first >= tail.first_byte:
            return tail.content[first - tail.first_byte : end - tail.first_byte]
        span = f"bytes={first}-{end - 1}"
        found = self._bucket.get(self._key, span=span, version=tail.version)
        if found is None:
            raise FileNotFoundError(f"{self._bucket.home / self._key} is gone")
        return found.content
