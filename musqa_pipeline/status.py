"""What is done, missing, quarantined and withheld, per stage and catalog; it changes nothing."""

from __future__ import annotations

from typing import Any

from musqa_pipeline.context import Context
from musqa_pipeline.errors import StageError
from musqa_pipeline.graph import (
    CATALOG_STAGES,
    JOINT_STAGES,
    catalog_context,
    chosen_catalogs,
    get_stage,
    joint_context,
)
from musqa_pipeline.homes import Home
from musqa_pipeline.settings import Preset
from musqa_pipeline.withheld import warn_of_withheld


def stage_status(home: Home, preset: Preset) -> list[dict[str, Any]]:
    """Count the units of every stage.

    Parameters
    ----------
    home : Path
        `MUSQA_HOME`.
    preset : Preset
        Settings, which also choose the catalogs.

    Returns
    -------
    list of dict
        Keys stage, catalog (None for joint stages), units, done, missing and quarantined. `units`
        and `missing` are None where the stage before has no rows yet.
    """
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
    shelf = stage.shelf(context)
    done = set(context.lake.done(shelf))
    row: dict[str, Any] = {"stage": stage_name, "catalog": context.catalog, "done": len(done)}
    try:
        wanted = {unit.unit_id for unit in stage.units(context)}
    except StageError:  # the stage before it has no rows yet
        return {**row, "units": None, "missing": None, "quarantined": 0}
    refused = [] if stage.joint else context.lake.done(shelf.quarantine)
    return {
        **row,
        "units": len(wanted),
        "done": len(done & wanted),
        "missing": len(wanted - done),
        "quarantined": len(refused),
    }
