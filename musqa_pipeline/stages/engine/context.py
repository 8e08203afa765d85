"""Where a stage works: which lake, which preset, which catalog, under which fingerprints."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from musqa_pipeline.core.home import Home
from musqa_pipeline.core.settings.preset import Preset
from musqa_pipeline.storage.fragments.partition import Partition
from musqa_pipeline.storage.lake.lake import Lake
from musqa_pipeline.storage.lake.reading import Known


@dataclass(frozen=True)
class Context:
    """What a stage's functions are given; small and picklable, so that workers get it too."""

    home: Home
    """`MUSQA_HOME`: catalogs, lake, reports and `musqa.duckdb`."""
    preset: Preset
    catalog: str | None
    """The catalog, for stages 1-4; None for the joint stages 5-8."""
    fingerprints: Mapping[str, str]
    """Fingerprint of each stage that is known by now."""
    scoring: str = ""
    """Fingerprint of `labels` by itself, on which `degradations` depend in the adaptive mode."""
    manifests: Known | None = field(default=None, repr=False, compare=False)
    """Keeps what the units of one run read of their inputs' partitions, in each worker process."""

    @property
    def lake(self) -> Lake:
        """The lake below `home`."""
        return Lake(self.home, self.manifests)

    def partition(self, stage: str, catalog: str | None = None) -> Partition:
        """Return the partition of a stage under this context's fingerprints."""
        return Partition(stage, self.fingerprints[stage], catalog or self.catalog)

    def joint_partition(self, stage: str) -> Partition:
        """Return the partition of a joint stage 5-8, which no catalog divides."""
        return Partition(stage, self.fingerprints[stage], None)
