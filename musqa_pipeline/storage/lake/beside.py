"""Files in folders beside a partition's units: weights, checkpoints, reports.

They belong to their unit: where one of them is not what was written, the unit is made again with
all of them.
"""

from __future__ import annotations

from pathlib import Path

from musqa_pipeline.core.seal_format import State
from musqa_pipeline.storage.fragments.damage import set_aside
from musqa_pipeline.storage.fragments.partition import Partition
from musqa_pipeline.storage.packs.manifest import PACKED_STAGES
from musqa_pipeline.storage.stores.store import Store

_UNITS = {"evaluation": "evaluation"}
"""Units whose folder is called otherwise than they are."""


def set_aside_beside(store: Store, partition: Partition) -> list[str]:
    """Take units out of the way whose files beside them are damaged; call it with the lock held."""
    if partition.stage in PACKED_STAGES or partition.catalog or not isinstance(store.home, Path):
        return []
    moved = []
    for name in store.folders(partition.folder_key):
        folder = f"{partition.folder_key}/{name}"
        if any(not _mended(store, file.key) for file in store.walk(folder)):
            set_aside_folder(store, partition, name)
            moved.append(folder)
    return moved


def set_aside_folder(store: Store, partition: Partition, name: str) -> None:
    """Move a folder to ``lake/damaged/``, and first the unit that it belongs to."""
    unit = partition.key(_UNITS.get(partition.stage, name))
    if store.exists(unit):
        set_aside(store, unit)  # first: without it the folder is that of a unit under way
    for file in store.walk(f"{partition.folder_key}/{name}"):
        set_aside(store, file.key)
    store.prune(f"{partition.folder_key}/{name}")


def _mended(store: Store, key: str) -> bool:
    return store.check(key) is not State.WRONG or store.restore(key)
