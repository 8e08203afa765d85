"""Where a stage's results lie: the only module that knows the lake's layout.

Keys below the home, which a store turns into files or objects::

    lake/<stage>/settings=<fingerprint12>/catalog=<catalog>/<unit_id>.parquet   stages 1-4
    lake/<stage>/run=<fingerprint12>/<unit_id>.parquet                         stages 5-8
    lake/retired/…                                                             what lost its input
    lake/damaged/…                                                             taken out by verify
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from musqa_pipeline.core.fingerprints import SHORT
from musqa_pipeline.storage.stores.store import LAKE, SUFFIX

FINGERPRINT_KEY = b"musqa.fingerprint"
EMPTY_CATALOG = "__none__"
"""Catalog of the zero-row file that keeps a view valid while its stage is empty."""
RETIRED = "retired"
DAMAGED = "damaged"
RECORDS = (
    "promotions", "champions", "frozen", "frozen_images", "frozen_scores", "drift", "stage_runs",
    "withheld",
)  # fmt: skip
"""Kinds of records, each a folder below ``lake/``; see `stages/engine/records.py`."""


@dataclass(frozen=True)
class Partition:
    """One place of the lake: a stage's results of one fingerprint, of one catalog if it has any."""

    stage: str
    fingerprint: str
    catalog: str | None = None
    """None for the joint stages 5-8."""

    @property
    def quarantine(self) -> Partition:
        """Where the units are that this stage refused."""
        return replace(self, stage="quarantine")

    @property
    def lock_name(self) -> str:
        """Name of the lock that whoever makes these units holds."""
        return f"{self.stage}-{self.catalog or 'joint'}-{self.fingerprint[:SHORT]}"

    @property
    def folder_key(self) -> str:
        """Key of the folder that holds this partition's units."""
        stage, short = f"{LAKE}/{self.stage}", self.fingerprint[:SHORT]
        if self.catalog is None:
            return f"{stage}/run={short}"
        return f"{stage}/settings={short}/catalog={self.catalog}"

    @property
    def retired_key(self) -> str:
        """Key of the folder that keeps what this partition retired."""
        return f"{LAKE}/{RETIRED}/{self.folder_key.removeprefix(f'{LAKE}/')}"

    @property
    def glob_key(self) -> str:
        """Pattern of the keys of this partition's units, in all catalogs."""
        if self.catalog is None:
            return f"{self.folder_key}/*{SUFFIX}"
        return f"{self.folder_key.rpartition('/')[0]}/catalog=*/*{SUFFIX}"

    def key(self, unit_id: str) -> str:
        """Key of a unit's file."""
        return f"{self.folder_key}/{unit_id}{SUFFIX}"

    def retired(self, unit_id: str) -> str:
        """Key of a unit's file once it is retired."""
        return f"{self.retired_key}/{unit_id}{SUFFIX}"
