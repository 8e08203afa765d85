"""What is done, missing, quarantined and withheld, per stage and catalog; it changes nothing."""

from __future__ import annotations

from typing import Any

from musqa_pipeline.core.errors import StageError
from musqa_pipeline.core.home import Home
from musqa_pipeline.core.settings.preset import Preset
from musqa_pipeline.stages.engine.catalog_choice import chosen_catalogs
from musqa_pipeline.stages.engine.context import Context
from musqa_pipeline.stages.engine.exclusions import warn_of_withheld
from musqa_pipeline.stages.graph import catalog_context, get_stage, joint_context
from musqa_pipeline.stages.rows import CATALOG_STAGES, JOINT_STAGES


def stage_status(home: Home, preset: Preset) -> list[dict[str, Any]]:
    """Count the units of every stage."""
    rows = []
    for name in chosen_catalogs(home, preset):
        context = catalog_context(home, preset, name)
        rows += [_count(stage, context) for stage in CATALOG_STAGES]
    if rows:
        context = joint_context(home, preset)
        warn_of_withheld(context)
        rows += [_count(stage, context) for stage in JOINT_STAGES]
    return rows


def _count(stage_name: str, context: Context) -> dict[str, Any]:
    stage = get_stage(stage_name)
    partition = stage.partition(context)
    done = set(context.lake.done(partition))
    row: dict[str, Any] = {"stage": stage_name, "catalog": context.catalog, "done": len(done)}
    try:
        wanted = {unit.unit_id for unit in stage.units(context)}
    except StageError:  # the stage before it has no rows yet
        return {**row, "units": None, "missing": None, "quarantined": 0}
    refused = [] if stage.joint else context.lake.done(partition.quarantine)
    return {
        **row,
        "units": len(wanted),
        "done": len(done & wanted),
        "missing": len(wanted - done),
        "quarantined": len(refused),
    }
