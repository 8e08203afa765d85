"""Read the table `runs` as one preset sees it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from musqa_pipeline.context import Context
from musqa_pipeline.models.registry import find_model
from musqa_pipeline.models.settings import IMAGENET, RANDOM
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


def backbone_weights_of(row: Mapping[str, Any]) -> str:
    """Say what weights the frozen backbone of a run has.

    Parameters
    ----------
    row : mapping
        Of the table `runs`, with `model` and `settings_json`.

    Returns
    -------
    str
        ``"imagenet"``, ``"file"``, ``"random"``, or ``""`` for a network without a backbone. A run
        with random weights is a smoke run and belongs in no column with the paper's.
    """
    if not find_model(row["model"]).has_backbone:
        return ""
    weights = json.loads(row["settings_json"]).get("backbone_weights", IMAGENET)
    return str(weights) if weights in (IMAGENET, RANDOM) else "file"


def title_of(row: Mapping[str, Any]) -> str:
    """Return what a report calls a run.

    Parameters
    ----------
    row : mapping
        Of the table `runs`, with `model`, `settings_json` and `finished`.

    Returns
    -------
    str
        The network's title, with what makes the run no result.
    """
    weights = backbone_weights_of(row)
    remarks = {
        "random": ", random backbone: smoke run",
        "file": ", backbone from a file",
    }
    unfinished = "" if row["finished"] else ", unfinished"
    return find_model(row["model"]).title + remarks.get(weights, "") + unfinished
