"""The picture that the Dagster UI shows beside pre-trainings: what they learned, and when."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from musqa_pipeline.stages.engine.context import Context
from musqa_pipeline.stages.engine.stage import Unit
from musqa_pipeline.stages.models.pretraining.stage import list_units
from musqa_pipeline.stages.models.pretraining.table import PRETRAININGS

_COLOUR = "#1f6fb4"
_UNSHOWN = ("learning_rate", "seconds", "images_per_s", "share_of_peak", "settled")
"""Curves of every training that say nothing of what is learned."""


def plot_curves(context: Context) -> bytes:
    """Plot the curves of all pre-trainings that a context wants and has."""
    return curves_png(read_pretrainings(context, list_units(context)))


def read_pretrainings(context: Context, wanted: Sequence[Unit]) -> list[dict[str, Any]]:
    """Read the rows of those that are done, in the order of their ids."""
    partition = context.joint_partition("pretraining")
    ids = sorted({unit.unit_id for unit in wanted} & set(context.lake.done(partition)))
    names = PRETRAININGS.schema.names
    return [row for unit in ids for row in context.lake.read(partition, unit, names).to_pylist()]


def curves_png(rows: Sequence[Mapping[str, Any]]) -> bytes:
    """Plot each curve over checkpoints, a row of panels for each method, a line a training."""
    methods = sorted({row["method"] for row in rows})
    curves = [(row["method"], json.loads(row["curves_json"])) for row in rows]
    names = {
        method: sorted({n for m, c in curves if m == method for n in c if n not in _UNSHOWN})
        for method in methods
    }
    n_columns = max(map(len, names.values()), default=1)
    figure = Figure(
        figsize=(2.6 * n_columns, 2.6 * max(1, len(methods))), dpi=90, layout="constrained"
    )
    panels = figure.subplots(max(1, len(methods)), n_columns, squeeze=False)
    for axes in panels.flat:
        axes.set_axis_off()
    for of_method, method in zip(panels, methods, strict=False):
        for axes, name in zip(of_method, names[method], strict=False):
            axes.set_axis_on()
            for known, found in curves:
                if known == method and name in found:
                    values = np.asarray(found[name], np.float64)
                    axes.plot(np.arange(1, len(values) + 1), values, color=_COLOUR, lw=1.3)
            axes.set(title=name.replace("_", " "), xlabel="checkpoint")
            axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=5))
            axes.spines[["top", "right"]].set_visible(False)
        of_method[0].set_ylabel(method.replace("_", " "))
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", metadata={"Software": None})
    return buffer.getvalue()
