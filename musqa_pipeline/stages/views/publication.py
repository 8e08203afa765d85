"""`published.json`: which fingerprint of each stage the views show, per preset; what goes wrong."""

from __future__ import annotations

import json
from typing import Any

from musqa_pipeline.core.errors import LakeError, first_line
from musqa_pipeline.core.home import Home
from musqa_pipeline.core.progress import logger
from musqa_pipeline.stages.degradations.round_plans import PLAN_PARTITION
from musqa_pipeline.stages.rows import CATALOG_STAGES
from musqa_pipeline.stages.views.queries import DATABASE
from musqa_pipeline.storage.fragments.partition import Partition
from musqa_pipeline.storage.packs.manifest import MOVED
from musqa_pipeline.storage.packs.unpacking import drop_superseded, superseded_by_packs
from musqa_pipeline.storage.stores.store import Store

PUBLISHED = "published.json"


def read_record(store: Store) -> tuple[dict[str, Any], str | None]:
    """Read the record with its version.

    Raises LakeError if it is damaged.
    """
    present = store.read_versioned(PUBLISHED)
    if present is None:
        return {"last": None, "presets": {}}, None
    try:
        record = json.loads(present[0])
        return {"last": record["last"], "presets": dict(record["presets"])}, present[1]
    except (ValueError, KeyError, TypeError) as error:
        raise LakeError(
            f"{store.address(PUBLISHED)} is damaged ({first_line(error)}); delete it, and run each "
            "preset again: what is done stays done, and is shown again"
        ) from error


def record_partitions(record: dict[str, Any]) -> list[Partition]:
    """List the partitions that a record's views read."""
    partitions = []
    for entry in record["presets"].values():
        for stage, fingerprint in entry["stages"].items():
            if stage not in CATALOG_STAGES:
                partitions.append(Partition(stage, fingerprint, None))
                continue
            partition = Partition(stage, fingerprint, "*")
            partitions += [partition, partition.quarantine]
            if stage == "degradations":
                partitions.append(Partition(PLAN_PARTITION, fingerprint, "*"))
    return partitions


def replaced_by_packs(store: Store, record: dict[str, Any]) -> dict[Partition, tuple[str, ...]]:
    """Return what packs took the place of, on the partitions that a record's views read."""
    replaced: dict[Partition, tuple[str, ...]] = {}
    for partition in dict.fromkeys(record_partitions(record)):
        replaced |= superseded_by_packs(store, partition)
    return replaced


def drop_replaced(store: Store, replaced: dict[Partition, tuple[str, ...]]) -> None:
    """Delete what packs took the place of; see `replaced_by_packs`."""
    for partition, keys in replaced.items():
        try:
            drop_superseded(store, partition, keys)
        except LakeError as error:  # views are right; the next publication clears it
            logger.warning(f"what packs replaced could not be deleted yet: {error}")


def is_of_the_lake(home: Home, error: Exception) -> bool:
    """Tell whether a query failed because a file of the lake moved, and not one that it names."""
    text = str(error)
    return str(home) in text and (MOVED in text or "No magic bytes" not in text)


def unwritable(store: Store, error: Exception) -> LakeError:
    """Return what to tell of a database that could not be written."""
    where = store.address(DATABASE)
    if "No space left" in str(error):
        return LakeError(f"cannot write {where}: the disk is full: free some space and run again")
    reason = " ".join(str(error).split())
    return LakeError(f"cannot write the views of {where}: {reason}; mend that and run again")
