"""Read the table `runs` as one preset sees it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from musqa_pipeline.core.errors import MusqaError
from musqa_pipeline.core.home import Home
from musqa_pipeline.core.settings.models import IMAGENET, RANDOM
from musqa_pipeline.learning.registry import find_model
from musqa_pipeline.stages.engine.context import Context
from musqa_pipeline.stages.models.stage import unit_id_of
from musqa_pipeline.stages.models.table import RUNS
from musqa_pipeline.storage.fragments.parquet import read_fragment
from musqa_pipeline.storage.stores.opening import open_store


def read_preset_runs(context: Context) -> list[dict[str, Any]]:
    """Read the runs of the networks, recipes and data that a preset names."""
    partition = context.joint_partition("models")
    done = set(context.lake.done(partition))
    wanted = [unit_id_of(context, name) for name in context.preset.models.names]
    return [
        row
        for unit in wanted
        if unit in done
        for row in context.lake.read(partition, unit, RUNS.schema.names).to_pylist()
    ]


def backbone_weights_of(row: Mapping[str, Any]) -> str:
    """Say what weights the frozen backbone of a run has."""
    if not find_model(row["model"]).has_backbone:
        return ""
    weights = json.loads(row["settings_json"]).get("backbone_weights", IMAGENET)
    return str(weights) if weights in (IMAGENET, RANDOM) else "file"


def title_of(row: Mapping[str, Any]) -> str:
    """Return what a report calls a run."""
    weights = backbone_weights_of(row)
    remarks = {RANDOM: ", random backbone", "file": ", backbone from a file"}
    unfinished = "" if row["finished"] else ", unfinished"
    return find_model(row["model"]).title + remarks.get(weights, "") + unfinished


def newest_run(home: Home) -> Path:
    """Find the intrusive network that was trained last.

    Raises MusqaError if there is none.
    """
    from musqa_pipeline.learning.intrusive.run import MODEL as INTRUSIVE  # with torch

    store, found = open_store(home), []
    for name in store.folders("lake/models"):
        for file in store.files(f"lake/models/{name}"):
            rows = read_fragment(store, file.key, ["model", "finished", "folder"])
            for row in rows.to_pylist():
                if row["model"] == INTRUSIVE and row["finished"]:
                    found.append((file.modified_s, row["folder"]))
    if not found:
        raise MusqaError(
            f"no trained {INTRUSIVE} in {home}; name {INTRUSIVE} in [models] names of a preset and "
            "`musqa run` it, or give the folder of a run with --model"
        )
    return store.local_folder(max(found)[1])
