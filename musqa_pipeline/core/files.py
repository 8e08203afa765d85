"""Writing to disk so that a kill, a full disk or a second process cannot leave half a file."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import platform
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from musqa_pipeline.core import seals
from musqa_pipeline.core.errors import LakeError, LockedError
from musqa_pipeline.core.home import refuse_url

ELSEWHERE = "name a folder you can write; results go where MUSQA_HOME says"


@contextmanager
def explained(doing: str, path: Path) -> Iterator[None]:
    """Turn an operating-system error into a `LakeError` of one sentence."""
    try:
        yield
    except OSError as error:
        advice = {
            errno.ENOSPC: "the disk is full: free some space and run again",
            errno.EDQUOT: "the disk quota is used up: free some space and run again",
            errno.EROFS: f"the file system is read-only: {ELSEWHERE}",
            errno.EACCES: f"permission is denied: {ELSEWHERE}",
            errno.EPERM: f"permission is denied: {ELSEWHERE}",
        }.get(error.errno or 0, f"{error.strerror or error}: check the disk and run again")
        raise LakeError(f"cannot {doing} {path}: {advice}") from error


@contextmanager
def whole_file(path: Path, *, sealed: bool = False, twice: bool = False) -> Iterator[Path]:
    """Give a temporary path whose file is moved to `path` when the block ends without an error.

    Raises LakeError if the disk is full, read-only or not permitted; no temporary file stays then.
    """
    refuse_url(path)
    writer = f"{platform.node()}-{os.getpid()}"  # another machine may write the same unit
    temporary = path.with_name(f".{path.name}.{writer}.tmp")
    with explained("write", path):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            yield temporary
            seals.put(temporary, path, sealed=sealed or twice, twice=twice)
        finally:
            temporary.unlink(missing_ok=True)


def write_whole(path: Path, content: bytes | str) -> None:
    """Write a file whole or not at all; text as UTF-8."""
    with whole_file(path) as temporary:
        temporary.write_bytes(content.encode() if isinstance(content, str) else content)


def read_index(path: Path) -> dict[str, Any]:
    """Return what is noted of copies; nothing if it cannot be read, and they are made again."""
    try:
        return dict(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError, RecursionError):
        return {}


def write_index(path: Path, index: Mapping[str, Any]) -> None:
    """Note what copies are of."""
    write_whole(path, json.dumps(index, sort_keys=True, indent=0))


def may_be_written(temporary: Path) -> bool:
    """Tell whether a temporary file of `whole_file` may have a writer yet."""
    node, _, pid = temporary.name.removesuffix(".tmp").rpartition("-")
    if not (node.endswith(f".{platform.node()}") and pid.isdecimal()):
        return True
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return False
    except OSError:  # it runs, and belongs to somebody else
        return True
    return True


@contextmanager
def exclusive_lock(path: Path, *, wait: bool = True) -> Iterator[None]:
    """Hold an exclusive lock on a file, freed by the kernel if the process dies.

    Raises LockedError if another process holds it and `wait` is false.
    """
    with explained("lock", path):
        path.parent.mkdir(parents=True, exist_ok=True)
        # A link would have a file made, or held, somewhere else.
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o666)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError as error:
            raise LockedError(
                f"{path} is locked by another musqa process; wait for it to end, or set "
                "MUSQA_HOME to another folder"
            ) from error
        yield
    finally:
        os.close(handle)
