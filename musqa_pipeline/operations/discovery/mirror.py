"""Catalogs below a prefix of object storage, copied here file by file before they are used.

An object is fetched again only when its tag (etag, or else size and time) changed. A file is
there whole or not at all; a copy that is cut short goes on at the next call.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from musqa_pipeline.core.errors import LakeError
from musqa_pipeline.core.files import exclusive_lock, read_index, whole_file, write_index
from musqa_pipeline.core.fingerprints import digest
from musqa_pipeline.storage.stores.opening import open_prefix

INDEX = ".mirror.json"
"""Hidden, so that it is no part of the catalog: the tag of each file that was fetched."""
FILES_AT_RISK = 50
"""After a kill so many files may be fetched twice."""


@dataclass(frozen=True)
class Fetched:
    """How far a copy is."""

    n_files: int
    """Files of the catalog in the storage."""
    n_missing: int
    """Of these, files that are not here yet as they are there."""


def list_prefix(prefix: str) -> list[str]:
    """List the catalogs below a prefix such as ``s3://bucket/music``."""
    files, root = _open(prefix)
    with _said(prefix):
        entries = files.ls(root, detail=True, refresh=True)
    names = [PurePosixPath(e["name"]).name for e in entries if e["type"] == "directory"]
    return sorted(name for name in names if not name.startswith("."))


def mirror_folder(cache: Path, prefix: str) -> Path:
    """Return the folder that holds the copies of the catalogs below a prefix."""
    return cache / digest(prefix)[:8]


def fetch(prefix: str, name: str, folder: Path, *, go_on: Callable[[], bool]) -> Fetched:
    """Bring the copy of a catalog up to date: new and changed files in, vanished ones out.

    Before each file it asks whether to `go_on`. Raises LakeError if another process is at the same
    catalog, or the prefix holds nothing any more: the copy stays as it is.
    """
    files, root = _open(f"{prefix}/{name}")
    with _said(f"{prefix}/{name}"):
        found = files.find(root, detail=True, refresh=True)
    there = _names(root, found)
    if not there:
        raise LakeError(f"{prefix}/{name} holds nothing; check the prefix")
    with exclusive_lock(folder / ".mirror.lock", wait=False):
        for file in _here(folder) - there.keys():
            (folder / file).unlink()
        index = {file: tag for file, tag in read_index(folder / INDEX).items() if file in there}
        stale = {
            file for file, info in there.items()
            if index.get(file) != _tag(info) or not (folder / file).is_file()
        }  # fmt: skip
        try:
            for n, file in enumerate(sorted(stale)):
                if not go_on():
                    break
                _fetch_file(files, there[file], folder / file)
                index[file] = _tag(there[file])
                stale.discard(file)
                if n % FILES_AT_RISK == 0:
                    write_index(folder / INDEX, index)
        finally:
            write_index(folder / INDEX, index)
    return Fetched(len(there), len(stale))


def _here(folder: Path) -> set[str]:
    files = (p.relative_to(folder) for p in folder.rglob("*") if p.is_file())
    return {f.as_posix() for f in files if not any(part.startswith(".") for part in f.parts)}


def _fetch_file(files: Any, info: dict[str, Any], path: Path) -> None:
    with whole_file(path) as temporary:
        with _said(info["name"]):
            files.get_file(info["name"], str(temporary))
        size = temporary.stat().st_size
        if info.get("size") not in (None, size):
            raise LakeError(
                f"{info['name']} came with {size} of {info['size']} bytes; it is fetched again "
                "at the next look"
            )


def _names(root: str, found: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """Return what is below `root` by relative name; names that lead out of it are left out."""
    base = root.strip("/")
    inside: dict[str, Any] = {}
    for key, info in found.items():
        name = key.strip("/").removeprefix(base).lstrip("/")
        if not name or info.get("type") == "directory" or key.endswith("/"):
            continue
        parts = name.split("/")
        if not any(part == "" or part.startswith(".") or "\0" in part for part in parts):
            inside[name] = info
    return inside


def _tag(info: dict[str, Any]) -> str:
    for key in ("ETag", "etag", "md5Hash", "md5"):
        if info.get(key):
            return str(info[key])
    when = next((info[k] for k in ("LastModified", "mtime", "created") if info.get(k)), "")
    return f"{info.get('size')} {when}"


def _open(prefix: str) -> tuple[Any, str]:
    with _said(prefix):
        return open_prefix(prefix)


@contextmanager
def _said(place: str) -> Iterator[None]:
    """Turn whatever a file system of fsspec raises into a `LakeError` of one sentence."""
    try:
        yield
    except Exception as error:
        why = str(error) if isinstance(error, LakeError) else f"{type(error).__name__}: {error}"
        raise LakeError(
            f"{place} cannot be read ({why}); check the prefix, the network and the credentials"
        ) from error
