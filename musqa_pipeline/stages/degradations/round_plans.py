"""Stored plans: what each round makes, whole before anything of it is made, and never redrawn.

The plan of a round follows from the references of the catalog, the settings and the labels of the
rounds before. The labels follow from the first two, so these name a plan: its unit is called after
its round and its references, on a partition with the fingerprint of `degradations`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from musqa_pipeline.core.fingerprints import SHORT, digest
from musqa_pipeline.stages.degradations.unit_names import unit_id_of
from musqa_pipeline.stages.engine.context import Context
from musqa_pipeline.storage.fragments.partition import Partition

PLAN_PARTITION = "rounds"


@dataclass(frozen=True)
class PlannedUnit:
    """What one round makes of one reference."""

    excerpt_id: str
    round: int
    pairs: tuple[tuple[int, int], ...]
    """Process ids of its cascades, first half and last half."""

    @property
    def unit_id(self) -> str:
        """Name in the stages `degradations` and `labels`; another plan has another name."""
        what = digest([list(pair) for pair in self.pairs])[:SHORT]
        return f"{unit_id_of(self.excerpt_id, len(self.pairs))}r{self.round}-{what}"


def plan_partition(context: Context) -> Partition:
    """Return where the plans of a catalog's rounds lie."""
    return Partition(PLAN_PARTITION, context.fingerprints["degradations"], context.catalog)


def plan_id(round_number: int, excerpt_ids: Iterable[str]) -> str:
    """Name the plan of a round."""
    return f"r{round_number}-{digest(sorted(excerpt_ids))[:SHORT]}"


def stored_plans(context: Context, excerpt_ids: Sequence[str]) -> list[pa.Table]:
    """Read the plans that there are, from round 1 to the last without a gap."""
    lake, partition = context.lake, plan_partition(context)
    plans = []
    for round_number in range(1, context.preset.adaptive.rounds + 1):
        name = plan_id(round_number, excerpt_ids)
        if lake.missing(partition, [name]):
            break
        plans.append(lake.read(partition, name))
    return plans


def planned_units(context: Context, excerpt_ids: Sequence[str]) -> list[PlannedUnit]:
    """List the units of all rounds that are planned, after round 0."""
    units = []
    for round_number, plan in enumerate(stored_plans(context, excerpt_ids), start=1):
        pairs: dict[str, list[tuple[int, int]]] = {}
        for row in plan.select(["excerpt_id", "first_id", "last_id"]).to_pylist():
            pairs.setdefault(row["excerpt_id"], []).append((row["first_id"], row["last_id"]))
        units += [PlannedUnit(e, round_number, tuple(of)) for e, of in pairs.items()]
    return units


def fingerprinted_settings(context: Context) -> dict[str, Any]:
    """Return what the mode adds to the fingerprint of `degradations`: nothing while it is off."""
    if not context.preset.adaptive.rounds:
        return {}
    return {"adaptive": context.preset.section("adaptive"), "scoring": context.scoring}
