"""Read the table `runs` as one preset sees it."""

from __future__ import annotations

from typing import Any

from musqa_pipeline.context import Context
from musqa_pipeline.models.stage import unit_id_of
from musqa_pipeline.models.table import RUNS


def read_preset_runs(context: Context) -> list[dict[str, Any]]:
    """Read the runs of the networks, recipes and data that a preset names.

    Parameters
    ----------
    context : Context
        Of the joint stages.

    Returns
    -------
    list of dict
        Rows of `runs` in the order of ``[models] names``, unfinished ones included; networks that
        are not trained yet have none. Runs of other presets on the same data are passed over.
    """
    shelf = context.joint_shelf("models")
    done = set(context.lake.done(shelf))
    wanted = [unit_id_of(context, name) for name in context.preset.models.names]
    return [
        row
        for unit in wanted
        if unit in done
        for row in context.lake.read(shelf, unit, RUNS.schema.names).to_pylist()
    ]
