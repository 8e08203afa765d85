"""The stage `degradations`: one unit per reference, one row per degraded excerpt.

In the adaptive mode the unit is (reference, round). Round 0 has the units that there are without
it; those of later rounds are listed once their plan is stored.
"""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from musqa_pipeline.core.fingerprints import tool_version
from musqa_pipeline.core.settings.per_catalog import DegradationsSettings
from musqa_pipeline.stages.degradations import carrier_rows
from musqa_pipeline.stages.degradations.apply import degrade_reference
from musqa_pipeline.stages.degradations.plan import (
    n_cascades_of,
    plan_cascades,
    plan_reference,
    some_rows,
)
from musqa_pipeline.stages.degradations.random_rows import RULES_VERSION
from musqa_pipeline.stages.degradations.round_plans import fingerprinted_settings, planned_units
from musqa_pipeline.stages.degradations.table import DEGRADATIONS
from musqa_pipeline.stages.degradations.unit_names import unit_id_of
from musqa_pipeline.stages.engine.context import Context
from musqa_pipeline.stages.engine.stage import Maker, Unit
from musqa_pipeline.stages.excerpts.references import read_with_tail

ROWS_PER_GROUP = 8
"""About 1.5 MB of bitstreams, so that reading a few rows of a reference does not read all."""


def read_excerpt_ids(context: Context) -> list[str]:
    """List the references of a catalog; those in quarantine have no row."""
    return [
        unit
        for unit, rows in context.lake.row_counts(context.partition("excerpts")).items()
        if rows
    ]


def list_units(context: Context) -> list[Unit]:
    """List one unit per reference of the catalog, and one per reference and planned round."""
    settings, excerpt_ids = context.preset.degradations, read_excerpt_ids(context)
    about = {"most_rows": settings.most_rows.get(context.catalog or "")}
    units = [
        Unit(
            unit_id_of(excerpt_id, n),
            excerpt_id,
            {"excerpt_id": excerpt_id, "n_cascades": n, **about},
        )
        for excerpt_id, n in n_cascades_of(excerpt_ids, settings).items()
    ]
    for later in planned_units(context, excerpt_ids):
        what = f"{later.excerpt_id}, round {later.round}"
        plan = {"excerpt_id": later.excerpt_id, "pairs": later.pairs}
        units.append(Unit(later.unit_id, what, plan))
    return units


def planned_rows(unit: Unit, settings: DegradationsSettings) -> list[dict[str, Any]]:
    """Return what a unit is to make."""
    excerpt_id = unit.plan["excerpt_id"]
    if "pairs" in unit.plan:
        return plan_cascades(excerpt_id, unit.plan["pairs"])
    rows = plan_reference(excerpt_id, unit.plan["n_cascades"], settings)
    most = unit.plan["most_rows"]
    return rows if most is None else some_rows(rows, most, settings.seed)


def make_unit(context: Context, unit: Unit) -> pa.Table:
    """Make all degraded excerpts of one reference, or those of one round.

    Raises UnfitInputError if a result is silent.
    """
    rows = degrade_reference(
        planned_rows(unit, context.preset.degradations),
        read_with_tail(context, unit.plan["excerpt_id"]),
        target_lufs=context.preset.excerpts.target_lufs,
    )
    return DEGRADATIONS.from_rows(rows)


def fingerprinted_besides(context: Context) -> dict[str, Any]:
    """Return what besides settings and tools belongs to the fingerprint."""
    besides = fingerprinted_settings(context)
    if context.preset.degradations.n_random:
        tools = {name: tool_version(name) for name in ("pedalboard", "soxr")}
        besides["random"] = {"rules": RULES_VERSION, "tools": tools}
    if context.preset.degradations.n_carrier:
        tools = {name: tool_version(name) for name in ("numba", "soxr")}
        besides["carrier"] = {"rules": carrier_rows.RULES_VERSION, "tools": tools}
    return besides


def rows_per_group(_: Context) -> int:
    """Return how many rows a Parquet row group holds."""
    return ROWS_PER_GROUP


DEGRADATIONS_MAKER = Maker(
    version=1,
    tools=("imageio-ffmpeg", "numpy", "pyloudnorm", "scipy", "soundfile"),
    also=fingerprinted_besides,
    units=list_units,
    make=make_unit,
    row_group_rows=rows_per_group,
    compression="none",
)
