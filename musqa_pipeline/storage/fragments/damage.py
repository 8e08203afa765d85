"""Files of the lake that are not what was written: how they are told, and where they go."""

from __future__ import annotations

import contextlib
from pathlib import Path

from musqa_pipeline.core.errors import LakeError
from musqa_pipeline.core.seal_format import State
from musqa_pipeline.core.seals import are_left_alone
from musqa_pipeline.storage.fragments.byte_digest import check_bytes, parquet_file
from musqa_pipeline.storage.fragments.parquet import UNREADABLE
from musqa_pipeline.storage.fragments.partition import DAMAGED
from musqa_pipeline.storage.stores.local_store import LocalStore
from musqa_pipeline.storage.stores.store import LAKE, Store


def set_aside(store: Store, key: str) -> None:
    """Move a file to ``lake/damaged/``."""
    store.move(key, f"{LAKE}/{DAMAGED}/{key.removeprefix(f'{LAKE}/')}")


def set_aside_file(path: Path) -> bool:
    """Move a damaged fragment that was read by its path, or drop this machine's copy of one."""
    if not _is_damaged_file(path) or are_left_alone():
        return False
    above = [folder.name for folder in path.parents[:4]]
    if above[3:] == [LAKE] and above[0].startswith("."):  # a copy of what is on object storage
        path.unlink(missing_ok=True)
        return True
    if above[2:3] != [LAKE]:
        return False
    store = LocalStore(path.parents[3])
    with contextlib.suppress(LakeError):
        set_aside(store, path.relative_to(path.parents[3]).as_posix())
        return True
    return False


def is_damaged(store: Store, key: str) -> bool:
    """Tell whether a fragment is there and is not what was written, or cannot be read at all."""
    try:
        with store.lent(key) as path:
            return _is_damaged_file(path)
    except (OSError, LakeError):  # it is gone, or the storage does not answer
        return False


def is_of_the_disk(error: Exception) -> bool:
    """Tell errors of the disk, which have a number, from those of what is in a file."""
    return getattr(error, "errno", None) is not None


def _is_damaged_file(path: Path) -> bool:
    try:
        state = check_bytes(path)
        if state is State.NONE:
            with parquet_file(path) as file:
                file.read(use_threads=False)
    except UNREADABLE as error:
        return not is_of_the_disk(error)
    return state is State.WRONG
