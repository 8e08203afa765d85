"""Seals: beside a file on a disk, what its bytes have to be.

``.<name>.seal`` holds the digest of a file; of a small one its content too, from which it heals.
While a file is replaced, its seal knows the old content and the new one, so that a kill at any
moment leaves a file that its seal knows. Parquet files of units need none: they carry a digest of
their own (`storage/fragments/byte_digest.py`), as there may be a million of them.
"""

from __future__ import annotations

import contextlib
import fcntl
import logging
import os
import platform
from collections.abc import Iterator
from contextvars import ContextVar
from pathlib import Path

from musqa_pipeline.core.errors import DamagedError
from musqa_pipeline.core.seal_format import SMALL_BYTES, Seal, State, digest_of, file_digest

logger = logging.getLogger("musqa_pipeline")
_ATTEMPTS = 3
_MOST = 8
"""Digests that a seal holds, where writers died or failed one after the other."""


_LEFT: ContextVar[bool] = ContextVar("damaged files stay as they are", default=False)


@contextlib.contextmanager
def left_alone() -> Iterator[None]:
    """Let damaged files be as they are while the block looks at them."""
    token = _LEFT.set(True)
    try:
        yield
    finally:
        _LEFT.reset(token)


def are_left_alone() -> bool:
    """Tell whether damaged files are to stay as they are."""
    return _LEFT.get()


def seal_path(path: Path) -> Path:
    """Return where a file's seal lies."""
    return path.with_name(f".{path.name}.seal")


def put(temporary: Path, path: Path, *, sealed: bool, twice: bool = False) -> None:
    """Move a written file into place, with its seal."""
    if not (sealed or seal_path(path).exists()):
        temporary.replace(path)
        return
    with _alone(path.parent):
        present, before = _read(path), _known(path)
        new = _seal_of(temporary, twice=twice or bool(present and present.copy is not None))
        if present != new:  # the same bytes may have a damaged seal
            both = tuple(dict.fromkeys((*new.digests, *before)))
            _write(path, Seal(both[:_MOST], new.copy))
        temporary.replace(path)
        if before and before != new.digests:
            _write(path, new)


def add(path: Path, *, twice: bool = False) -> None:
    """Seal a file as it is, if it is there; call it when its content was looked at."""
    with _alone(path.parent):
        if path.exists():
            _write(path, _seal_of(path, twice=twice))


def move(path: Path, target: Path) -> None:
    """Give a file another name, with its seal; over what is there."""
    with _alone(target.parent):
        seal = _read(path)
        if seal is None:
            path.replace(target)
            seal_path(target).unlink(missing_ok=True)
            return
        _write(target, Seal((*seal.digests, *_known(target))[:_MOST], seal.copy))
        path.replace(target)
        _write(target, seal)
        seal_path(path).unlink(missing_ok=True)


def remove(path: Path) -> None:
    """Delete a file and its seal, if they are there."""
    path.unlink(missing_ok=True)
    seal_path(path).unlink(missing_ok=True)


def check(path: Path) -> State:
    """Compare a file with its seal.

    Raises FileNotFoundError if it is not there.
    """
    for attempt in range(_ATTEMPTS):
        is_last = attempt == _ATTEMPTS - 1  # writers that never pause wait for it
        with _alone(path.parent) if is_last else contextlib.nullcontext():
            actual, content = file_digest(path), _read_bytes(seal_path(path))
        if content is None:
            return State.NONE
        seal = Seal.from_bytes(content)
        if seal is None:
            return State.SEAL
        if actual in seal.digests:
            return State.WHOLE if seal.is_copy_whole else State.SEAL
    return State.WRONG


def read(path: Path, *, editable: bool = False) -> bytes:
    """Read a file that has to be what was written; a small one heals from its seal.

    Raises FileNotFoundError if it is not there, and DamagedError if it is not what was written and
    too large to be kept twice.
    """
    content, seal = path.read_bytes(), _read(path)
    if seal is None or digest_of(content) in seal.digests:
        return content
    with _alone(path.parent):  # it may have been replaced between the looks
        content, seal = path.read_bytes(), _read(path)
        if seal is None or digest_of(content) in seal.digests:
            return content
        if editable and path.stat().st_mtime_ns > seal_path(path).stat().st_mtime_ns:
            return content
        if seal.copy is None:
            raise DamagedError(
                f"{path} is not what was written; `musqa verify --mend` takes it out, and the "
                "next run makes it again"
            )
        if not _LEFT.get():
            with contextlib.suppress(OSError):  # to read, one need not be able to write
                _put_back(path, content, seal.copy)
        return seal.copy


def restore(path: Path) -> bool:
    """Put back what was written of a small file that is another one now, or mend its seal."""
    with _alone(path.parent):
        content, seal = path.read_bytes(), _read(path)
        if seal is None:
            return False
        if digest_of(content) in seal.digests:
            _write(path, _seal_of(path, twice=not seal.is_copy_whole))
        elif seal.copy is None:
            return False
        else:
            _put_back(path, content, seal.copy)
    return True


def _put_back(path: Path, content: bytes, copy: bytes) -> None:
    _replace(path.with_name(f".{path.name}.was"), content)
    _replace(path, copy)
    logger.warning(
        f"{path} was not what musqa had written, and is restored from {seal_path(path).name}; to "
        "change it by hand, delete that file first"
    )


def _seal_of(path: Path, *, twice: bool) -> Seal:
    if path.stat().st_size > SMALL_BYTES and not twice:
        return Seal((file_digest(path),))
    content = path.read_bytes()
    return Seal((digest_of(content),), content)


def _known(path: Path) -> tuple[str, ...]:
    """Return the digests that a file may have now."""
    if not path.exists():
        return ()
    seal = _read(path)
    return seal.digests if seal else (file_digest(path),)


def _read(path: Path) -> Seal | None:
    content = _read_bytes(seal_path(path))
    return Seal.from_bytes(content) if content is not None else None


def _read_bytes(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None


def _write(path: Path, seal: Seal) -> None:
    _replace(seal_path(path), seal.to_bytes())


def _replace(path: Path, content: bytes) -> None:
    name = path.name if path.name.startswith(".") else f".{path.name}"
    temporary = path.with_name(f"{name}.{platform.node()}-{os.getpid()}.tmp")
    try:
        temporary.write_bytes(content)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Keep other writers of sealed files out of a folder, where its file system can."""
    handle = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        with contextlib.suppress(OSError):  # NFS has no locks on folders
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)
