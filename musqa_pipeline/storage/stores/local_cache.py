"""The folder of this machine beside a home on object storage: mirrors, work in progress.

It may be deleted whenever no run is on: what is lost is fetched again, and a training goes on from
what was put last.
"""

from __future__ import annotations

import json
import os
import shutil
import stat
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from musqa_pipeline.core.files import explained, read_index, whole_file, write_index
from musqa_pipeline.core.home import ObjectHome, refuse_url
from musqa_pipeline.core.seal_format import digest_of, file_digest
from musqa_pipeline.storage.stores.s3_bucket import Bucket
from musqa_pipeline.storage.stores.s3_client import endpoint_url
from musqa_pipeline.storage.stores.s3_uploads import put_file
from musqa_pipeline.storage.stores.store import StoredFile, WorkFolder

SCRATCH = "MUSQA_SCRATCH"
PUT_EVERY_S = 60.0
"""A training with short epochs puts its checkpoint no more often than this."""
_MANIFEST = ".put.json"
_COPIES = ("mirror", "folders")


def scratch_folder(home: ObjectHome) -> Path:
    """Return the folder of this machine that this home alone has."""
    named = os.environ.get(SCRATCH)
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    root = Path(named).expanduser().absolute() if named else Path(cache) / "musqa"
    refuse_url(root)
    return root / digest_of(f"{endpoint_url() or ''} {home}".encode())[:12]


def mirrored(bucket: Bucket, root: Path, file: StoredFile) -> Path:
    """Return a copy of an object of one version, fetched once, to be read only.

    Raises FileNotFoundError if it is gone, and LakeError if it cannot be fetched, or the disk is
    full.
    """
    folder, _, name = file.key.rpartition("/")
    version = digest_of(file.version.encode())[:12]
    path = root / "mirror" / folder / f".{version}" / name
    _use(bucket, file.key, path, file.version)
    return path


def fetch(bucket: Bucket, key: str, path: Path, version: str | None = None) -> None:
    """Copy an object to a file, whole."""
    found = bucket.get(key, version=version)
    if found is None:
        raise FileNotFoundError(f"{bucket.home / key} is not there")
    with whole_file(path) as temporary:
        temporary.write_bytes(found.content)


def mirrored_folder(bucket: Bucket, root: Path, folder: str) -> Path:
    """Return a copy of a folder as it is now, to be read only; absent if the folder is empty."""
    files, _ = bucket.listing(folder, deep=True)
    listing = json.dumps([(file.key, file.version) for file in files])
    path = root / "folders" / digest_of(listing.encode())[:12] / folder
    for file in files:
        _use(bucket, file.key, path / file.key.removeprefix(f"{folder}/"), file.version)
    return path


def copies(root: Path) -> list[StoredFile]:
    """List the copies by path, with the time of their last use; work in progress is none."""
    found = []
    for path in [p for kind in _COPIES for p in (root / kind).rglob("*")]:
        try:
            seen = path.stat()
        except FileNotFoundError:  # another process has dropped it
            continue
        if stat.S_ISREG(seen.st_mode):
            found.append(StoredFile(os.fspath(path), seen.st_size, "", seen.st_mtime))
    return sorted(found, key=lambda file: file.key)


def drop_copies(root: Path, paths: Iterable[str]) -> None:
    """Delete copies, and the folders that they leave empty."""
    for path in map(Path, paths):
        with explained("delete", path):
            path.unlink(missing_ok=True)
        for folder in path.parents:
            if folder == root or not _removed(folder):
                break


def _removed(folder: Path) -> bool:
    try:
        folder.rmdir()
    except OSError:  # it has other files
        return False
    return True


def _use(bucket: Bucket, key: str, path: Path, version: str) -> None:
    """See that a copy is there, and note its use."""
    try:
        os.utime(path)
    except FileNotFoundError:
        fetch(bucket, key, path, version)


@contextmanager
def work_folder(bucket: Bucket, root: Path, folder: str) -> Iterator[WorkFolder]:
    """Give a folder to work in, and put its files when the block ends without an error."""
    path = root / "work" / folder
    files, _ = bucket.listing(folder, deep=True)
    stored = {file.key.removeprefix(f"{folder}/"): file for file in files}
    versions = {name: file.version for name, file in stored.items()}
    with explained("write", path):
        if path.exists() and read_index(path / _MANIFEST).get("versions") != versions:
            shutil.rmtree(path)  # another machine has gone on since
        path.mkdir(parents=True, exist_ok=True)
    if not (path / _MANIFEST).exists():
        for name, file in stored.items():
            fetch(bucket, file.key, path / name, file.version)
        digests = {name: file_digest(path / name) for name in stored}
        write_index(path / _MANIFEST, {"versions": versions, "digests": digests})
    last_s = time.monotonic()

    def put_now_and_then() -> None:
        nonlocal last_s
        if time.monotonic() - last_s >= PUT_EVERY_S:
            _put(bucket, path, folder)
            last_s = time.monotonic()

    yield WorkFolder(path, folder, put_now_and_then)
    _put(bucket, path, folder)
    shutil.rmtree(path, ignore_errors=True)


def _put(bucket: Bucket, path: Path, folder: str) -> None:
    """Put what changed, in the order in which it was written, then delete what is gone."""
    known: dict[str, str] = read_index(path / _MANIFEST).get("digests", {})
    local = [
        file
        for file in path.rglob("*")
        if file.is_file() and not file.name.startswith(".") and not file.name.endswith(".tmp")
    ]
    digests = {}
    # A checkpoint needs the weights that were written before it.
    for file in sorted(local, key=lambda file: (file.stat().st_mtime_ns, file.name)):
        name = file.relative_to(path).as_posix()
        digests[name] = file_digest(file)
        if known.get(name) != digests[name]:
            put_file(bucket, f"{folder}/{name}", file)
    for name in sorted(known.keys() - digests.keys()):
        bucket.delete(f"{folder}/{name}")
    files, _ = bucket.listing(folder, deep=True)
    versions = {file.key.removeprefix(f"{folder}/"): file.version for file in files}
    write_index(path / _MANIFEST, {"versions": versions, "digests": digests})
