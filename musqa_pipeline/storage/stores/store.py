"""What the lake asks of whatever holds its files: a folder of a disk, or object storage.

A store knows keys: paths below the home with ``/`` between their parts. It knows nothing of
stages, units or Parquet.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeAlias

import pyarrow as pa

from musqa_pipeline.core.home import Home
from musqa_pipeline.core.seal_format import State

LAKE, LOCKS = "lake", "locks"
"""Folders below a home: of Parquet files, which carry a digest themselves, and of locks."""
SUFFIX = ".parquet"
Source: TypeAlias = str | pa.NativeFile
"""What pyarrow reads from: a path, or an open file."""


@dataclass(frozen=True, order=True)
class StoredFile:
    """A file that a store lists."""

    key: str
    size_bytes: int
    version: str
    """Another one whenever the content is another one."""
    modified_s: float
    """When it was put, in seconds since 1970, by the store's clock."""

    @property
    def name(self) -> str:
        """Last part of the key."""
        return self.key.rpartition("/")[2]

    @property
    def stem(self) -> str:
        """The name without its last suffix."""
        return self.name.rpartition(".")[0]


@dataclass(frozen=True)
class WorkFolder:
    """A folder of this machine whose files belong to the store."""

    path: Path
    """Where to write; what the store holds already is there."""
    key: str
    """Where the files belong, below the home."""
    put: Callable[[], None]
    """Puts what is in the folder now; where the store is a disk, it is there anyhow."""


class Held(Protocol):
    """A lock that is held."""

    def check(self) -> None:
        """Raise `LakeError` if it was lost; a lock of the kernel never is."""


class Store(Protocol):
    """Files below a home that are either whole or absent.

    Methods that touch the disk or the network raise `LakeError` with one sentence. Reading what
    is not there raises `FileNotFoundError`; a store that does not answer is never taken for one
    that has no such file.
    """

    home: Home
    n_readers: int
    """Files that are best read at the same time."""

    def address(self, key: str) -> str:
        """Return what people and DuckDB call a file: an absolute path or a URL."""

    def exists(self, key: str) -> bool:
        """Tell whether a file is there."""

    def files(self, folder: str) -> list[StoredFile]:
        """List the files directly in a folder, sorted by key; none if there is no such folder."""

    def walk(self, folder: str) -> list[StoredFile]:
        """List the files in a folder at any depth, sorted by key."""

    def folders(self, folder: str) -> list[str]:
        """List the names of the folders directly in a folder, sorted."""

    def opened(self, key: str) -> AbstractContextManager[Source]:
        """Open a file for pyarrow, which reads only the parts that it needs."""

    def read_bytes(self, key: str) -> bytes:
        """Read a small file."""

    def read_versioned(self, key: str) -> tuple[bytes, str] | None:
        """Read a small file with its version, for `commit`; None if it is not there."""

    def writing(
        self, key: str, *, sealed: bool = False, twice: bool = False
    ) -> AbstractContextManager[Path]:
        """Give a path of this machine whose file is put whole when the block ends well."""

    def check(self, key: str) -> State:
        """Compare a file with the digest of its bytes that the store keeps."""

    def seal(self, key: str, *, twice: bool = False) -> None:
        """Keep a digest of a file from now on, whose content was looked at; see `writing`."""

    def restore(self, key: str) -> bool:
        """Put back what was written of a file, or its digest, where the store knows it yet."""

    def lent(self, key: str) -> AbstractContextManager[Path]:
        """Give a path of this machine with a file's bytes, as they are now, for the block alone."""

    def write_bytes(self, key: str, content: bytes) -> None:
        """Put a small file whole, over an older one if there is one."""

    def commit(self, key: str, content: bytes, expected: str | None) -> bool:
        """Put a small file if nobody has changed it."""

    def delete(self, key: str) -> None:
        """Delete a file if it is there."""

    def move(self, key: str, target: str) -> None:
        """Give a file another key, over what is there; it counts as put now.

        A kill may leave both, never neither.
        """

    def sweep(self, folder: str, *, only_dead: bool = False) -> None:
        """Delete what killed writers left half-written in a folder."""

    def leftovers(self, folder: str) -> list[StoredFile]:
        """List what killed or living writers have half-written below a folder, at any depth."""

    def prune(self, folder: str) -> None:
        """Remove the folders below a folder that hold nothing, where folders are things at all."""

    def lock(self, name: str, *, wait: bool = True) -> AbstractContextManager[Held]:
        """Return the exclusive lock `name` of this home, as a context manager."""

    def local_file(self, key: str) -> Path:
        """Return a path of this machine with a file's content, to be read only."""

    def local_folder(self, folder: str) -> Path:
        """Return a folder of this machine with a folder's files, to be read only."""

    def copies(self) -> list[StoredFile]:
        """List what this machine has copied, by path, with the time of its last use."""

    def drop_copies(self, paths: Iterable[str]) -> None:
        """Delete copies of this machine; what is needed is fetched again."""

    def work_folder(self, folder: str) -> AbstractContextManager[WorkFolder]:
        """Give a folder of this machine to work in; its files are put when the block ends well."""
