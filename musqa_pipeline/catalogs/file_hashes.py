"""Hashes of whole files, kept in the lake so that a known file is not read again.

A file is known by path, size, modification time, change time and inode. A copy, or a file that was
touched, is read once more and found to be the same. Of a file that changed within the last seconds
nothing is kept: a second change could leave its times as they are.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
import stat
import sys
import tempfile
import time
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from musqa_pipeline.core.errors import DamagedError, LakeError
from musqa_pipeline.core.progress import LOG_EVERY_S, terminal_bar
from musqa_pipeline.storage.stores.store import Store

logger = logging.getLogger("musqa_pipeline")
BLOCK_BYTES = 1 << 20
READERS = 4
"""Files that are read at a time; one disk is not faster with more."""
SAVE_EVERY_S = 60.0
SETTLED_NS = 2_000_000_000
"""Least age of a file's last change for its hash to be kept; coarser than any file system."""
ATTEMPTS = 3
"""How often a file is read that changes while it is read."""
SCHEMA = pa.schema(
    [
        ("path", pa.binary()),
        ("size_bytes", pa.int64()),
        ("modified_ns", pa.int64()),
        ("changed_ns", pa.int64()),
        ("inode", pa.uint64()),
        ("hash", pa.string()),
    ]
)


class State(NamedTuple):
    """What a file looks like from outside."""

    size_bytes: int
    modified_ns: int
    changed_ns: int
    inode: int


class Seen(NamedTuple):
    """What is known of a file now."""

    content: str
    """blake2b of its bytes, 32 hexadecimal digits, or the kind of failure."""
    readable: bool


_FOUND: dict[Path, tuple[State, str]] = {}
"""By `hash_once`, in this process."""


def hash_files(store: Store, key: str, paths: Iterable[Path], label: str) -> dict[Path, Seen]:
    """Hash files, reading only those that are new or changed since the last time."""
    known, found, unread = _load(store, key), dict[Path, Seen](), dict[Path, State]()
    kept: dict[Path, tuple[State, str]] = {}
    for path in paths:
        try:
            state = _state(path)
        except OSError as error:
            found[path] = _failure(error)
            continue
        if state is None:
            found[path] = Seen("not a file", readable=False)
        elif path in known and known[path][0] == state and os.access(path, os.R_OK):
            kept[path], found[path] = known[path], Seen(known[path][1], readable=True)
        else:
            unread[path] = state
    if unread:
        _read_all(store, key, unread, found, kept, label)
    elif kept != known:
        _save(store, key, kept)
    return found


def unread_bytes(store: Store, key: str, paths: Iterable[Path]) -> int:
    """Say how many bytes `hash_files` would have to read."""
    known, total = _load(store, key), 0
    for path in paths:
        with contextlib.suppress(OSError):
            state = _state(path)
            if state is not None and (path not in known or known[path][0] != state):
                total += state.size_bytes
    return total


def hash_file(path: Path) -> tuple[Seen, State | None]:
    """Hash one file."""
    seen = Seen("changing", readable=False)
    try:
        for _ in range(ATTEMPTS):
            before, hashed = _state(path), hashlib.blake2b(digest_size=16)
            if before is None:
                return Seen("not a file", readable=False), None
            with path.open("rb", buffering=0) as stream:
                while block := stream.read(BLOCK_BYTES):
                    hashed.update(block)
            seen = Seen(hashed.hexdigest(), readable=True)
            if _state(path) == before:
                return seen, before
    except OSError as error:
        return _failure(error), None
    return seen, None


def hash_once(path: Path) -> Seen:
    """Hash one file, or say what this process found if the file is as it was then."""
    with contextlib.suppress(OSError):
        if path in _FOUND and _FOUND[path][0] == _state(path) and os.access(path, os.R_OK):
            return Seen(_FOUND[path][1], readable=True)
    settled_ns = _now_ns() - SETTLED_NS
    seen, state = hash_file(path)
    if state is not None and seen.readable and state.changed_ns < settled_ns:
        _FOUND[path] = (state, seen.content)
    return seen


def _read_all(
    store: Store,
    key: str,
    unread: Mapping[Path, State],
    found: dict[Path, Seen],
    kept: dict[Path, tuple[State, str]],
    label: str,
) -> None:
    """Read files side by side, with progress, saving what is known now and then."""
    settled_ns = _now_ns() - SETTLED_NS
    total_bytes, done_bytes = sum(state.size_bytes for state in unread.values()), 0
    saved = said = time.monotonic()
    # Without a terminal, or with few files, a bar would only be in the way.
    shown = sys.stderr.isatty() and total_bytes > 100 * BLOCK_BYTES
    bar = terminal_bar("{task.description:<26}") if shown else None
    task = bar.add_task(label, total=len(unread), note="") if bar else None
    with ThreadPoolExecutor(READERS) as pool:
        if bar:
            bar.start()
        try:
            futures = {pool.submit(hash_file, path): path for path in unread}
            for n_done, future in enumerate(as_completed(futures), 1):
                path, (seen, state) = futures.pop(future), future.result()
                found[path] = seen
                done_bytes += unread[path].size_bytes
                if state is not None and seen.readable and state.changed_ns < settled_ns:
                    kept[path] = (state, seen.content)
                now = time.monotonic()
                if bar and task is not None:
                    bar.update(task, completed=n_done, note=f"{done_bytes / 1e6:.0f} MB")
                elif now - said >= LOG_EVERY_S:
                    said = now
                    logger.info(
                        f"{label}: {n_done}/{len(unread)} files, "
                        f"{done_bytes / 1e6:.0f} of {total_bytes / 1e6:.0f} MB"
                    )
                if now - saved >= SAVE_EVERY_S:
                    saved = now
                    _save(store, key, kept)
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
        finally:
            if bar:
                bar.stop()
    _save(store, key, kept)


def _state(path: Path) -> State | None:
    """Return what a file looks like, None for what is no file; raise OSError if it is not seen."""
    status = path.stat()
    if not stat.S_ISREG(status.st_mode):  # opening a pipe would wait for ever
        return None
    return State(status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino)


def _failure(error: OSError) -> Seen:
    return Seen(type(error).__name__, readable=False)


def _now_ns() -> int:
    """Return the time on the clock that stamps files: that of a file made just now."""
    with tempfile.TemporaryFile() as stream:
        return os.fstat(stream.fileno()).st_mtime_ns


def _load(store: Store, key: str) -> dict[Path, tuple[State, str]]:
    try:
        found = store.read_versioned(key)
        if found is None:
            return {}
        rows = pq.read_table(pa.BufferReader(found[0]), schema=SCHEMA).to_pylist()
    except (OSError, pa.ArrowException, DamagedError):
        return {}  # damaged: everything is read again
    return {
        Path(os.fsdecode(path)): (State(*state), content)
        for path, *state, content in map(dict.values, rows)
    }


def _save(store: Store, key: str, kept: Mapping[Path, tuple[State, str]]) -> None:
    rows = [
        {"path": os.fsencode(path), **state._asdict(), "hash": content}
        for path, (state, content) in sorted(kept.items())
    ]
    sink = pa.BufferOutputStream()
    pq.write_table(pa.Table.from_pylist(rows, SCHEMA), sink, compression="zstd")
    try:
        store.write_bytes(key, sink.getvalue().to_pybytes())
    except LakeError as error:  # to look at a lake one need not be able to write it
        logger.warning(f"hashes of files are not kept, next time they are read again: {error}")
