"""What each file below ``lake/`` is, by its key alone."""

from __future__ import annotations

import re
from dataclasses import dataclass

from musqa_pipeline.catalogs.content_ids import FORMER_IDS_KEY
from musqa_pipeline.core.tables import Table
from musqa_pipeline.stages.degradations.round_plans import PLAN_PARTITION
from musqa_pipeline.stages.degradations.round_table import ROUNDS
from musqa_pipeline.stages.engine.quarantine import QUARANTINE
from musqa_pipeline.stages.engine.records import RECORDS
from musqa_pipeline.stages.views.duck import HISTORY, JOINT, PER_CATALOG
from musqa_pipeline.storage.fragments.partition import (
    DAMAGED,
    LAKE,
    RETIRED,
    SUFFIX,
    Partition,
)
from musqa_pipeline.storage.lake.lake import SCHEMA_UNIT
from musqa_pipeline.storage.packs.manifest import MOVED, PACKS

TABLES: dict[str, Table] = {
    **PER_CATALOG, **JOINT, **HISTORY, "quarantine": QUARANTINE, PLAN_PARTITION: ROUNDS,
}  # fmt: skip
"""Tables by stage."""
_FRAGMENT = re.compile(
    rf"{LAKE}/(?P<attic>{RETIRED}/|{DAMAGED}/)?(?P<stage>[^/=]+)/"
    r"(?:settings=(?P<settings>[^/]+)/catalog=(?P<catalog>[^/]+)|run=(?P<run>[^/]+))/"
    r"(?:loose-\d+/)?(?P<unit>[^/]+)\.parquet"
)
_PACK = re.compile(rf"{LAKE}/(?!{RETIRED}/|{DAMAGED}/)[^/=]+/(?:[^/]+=[^/]+/)+{PACKS}/[^/]+")
_BESIDE = re.compile(rf"{LAKE}/[^/=]+/run=[^/]+/[^/]+/.+")
"""Checkpoints, reports and releases lie in folders beside their partition's units."""


@dataclass(frozen=True)
class Place:
    """What a fragment's key says of it."""

    partition: Partition
    """Its fingerprint is cut to 12 digits."""
    unit: str
    attic: str = ""
    """``retired``, ``damaged``, or empty for a unit on its partition."""

    @property
    def is_schema(self) -> bool:
        """Whether it is the zero-row file that keeps a view valid."""
        return self.unit == SCHEMA_UNIT

    @property
    def is_record(self) -> bool:
        """Whether no stage can make it again."""
        return self.partition.stage in RECORDS


def place_of(key: str) -> Place | None:
    """Read a fragment's key."""
    found = _FRAGMENT.fullmatch(key)
    if found is None or key.endswith(f"/{MOVED}") or _PACK.fullmatch(key):
        return None
    partition = Partition(found["stage"], found["settings"] or found["run"], found["catalog"])
    return Place(partition, found["unit"], (found["attic"] or "").rstrip("/"))


def folder_beside(key: str) -> tuple[Partition, str] | None:
    """Tell beside which partition's units a file lies, and its folder's name; None elsewhere."""
    if not _BESIDE.fullmatch(key) or place_of(key) is not None:
        return None
    _, stage, run, name = key.split("/")[:4]
    return Partition(stage, run.removeprefix("run=")), name


def is_pack(key: str) -> bool:
    """Tell whether a file is a pack; its manifest is none."""
    return key.endswith(SUFFIX) and bool(_PACK.fullmatch(key))


def is_known(key: str) -> bool:
    """Tell whether a file that is no fragment has a reason to be there."""
    named = key == FORMER_IDS_KEY or key.endswith(f"/{MOVED}")
    return named or bool(_PACK.fullmatch(key) or _BESIDE.fullmatch(key))
