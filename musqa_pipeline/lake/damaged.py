"""Fragments that nothing can read: they count as missing, and must not blind the views.

A view reads the footers of all its files, so that one damaged file would hide a whole table, and
with it what has to be made again. Such files are moved to ``lake/damaged/``; the next run of their
stage makes them again.
"""

from __future__ import annotations

from collections.abc import Iterable

import pyarrow.parquet as pq

from musqa_pipeline.lake.fragments import UNREADABLE
from musqa_pipeline.lake.packs import MOVED
from musqa_pipeline.lake.shelf import DAMAGED, LAKE, SUFFIX
from musqa_pipeline.lake.store import Store


def set_aside_damaged(store: Store, globs: Iterable[str]) -> list[str]:
    """Move fragments without a readable footer out of the views' sight.

    Parameters
    ----------
    store : Store
        Where they are.
    globs : iterable of str
        Keys with a ``*``, as `Shelf.glob_key` gives them.

    Returns
    -------
    list of str
        Keys that were moved, sorted.

    Raises
    ------
    LakeError
        If one cannot be moved.
    """
    moved = []
    for key in sorted({key for glob in globs for key in _matching(store, glob)}):
        if not _is_readable(store, key):
            store.move(key, f"{LAKE}/{DAMAGED}/{key.removeprefix(f'{LAKE}/')}")
            moved.append(key)
    return moved


def _matching(store: Store, glob: str) -> list[str]:
    folder = glob.rpartition("/")[0]
    parent, _, last = folder.rpartition("/")
    prefix = last.removesuffix("*")
    folders = (
        [f"{parent}/{name}" for name in store.folders(parent) if name.startswith(prefix)]
        if last.endswith("*")
        else [folder]
    )
    files = [file for at in folders for file in store.files(at)]
    return [file.key for file in files if file.name.endswith(SUFFIX) and file.name != MOVED]


def _is_readable(store: Store, key: str) -> bool:
    try:
        with store.opened(key) as source:
            pq.read_schema(source)
    except UNREADABLE as error:
        # Of a damaged file pyarrow has no number; with one it is the disk that does not answer,
        # or the file was retired since it was listed.
        return getattr(error, "errno", None) is not None
    return True
