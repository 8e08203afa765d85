"""The picture that the Dagster UI shows beside the runs."""

from __future__ import annotations

import json

from musqa_pipeline.stages.engine.context import Context
from musqa_pipeline.stages.models.runs import read_preset_runs, title_of


def plot_curves(context: Context) -> bytes:
    """Plot the loss curves of all runs that a context knows."""
    from musqa_pipeline.stages.models.curves import loss_curves_png

    trained = [row for row in read_preset_runs(context) if row["epochs"]]  # others are imported
    return loss_curves_png({title_of(row): json.loads(row["curves_json"]) for row in trained})
