"""The picture that the Dagster UI shows beside the runs."""

from __future__ import annotations

import io
import json
from collections.abc import Collection, Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from musqa_pipeline.learning.registry import find_model
from musqa_pipeline.stages.engine.context import Context
from musqa_pipeline.stages.models.runs import read_preset_runs, title_of

_TRAIN, _VALIDATION, _RATE = "#8a8f98", "#1f6fb4", "#8a8f98"


def plot_curves(context: Context) -> bytes:
    """Plot the loss curves of all runs that a context knows."""
    trained = [row for row in read_preset_runs(context) if row["epochs"]]  # others are imported
    absolute = {title_of(row) for row in trained if find_model(row["model"]).error == "absolute"}
    curves = {title_of(row): json.loads(row["curves_json"]) for row in trained}
    own = {title_of(row) for row in trained if find_model(row["model"]).loss is not None}
    return loss_curves_png(curves, absolute, own)


def loss_curves_png(
    runs: Mapping[str, Mapping[str, Sequence[float]]],
    absolute: Collection[str] = (),
    own: Collection[str] = (),
) -> bytes:
    """Plot training and validation error over epochs, a row of panels for each network.

    The losses of `absolute` are means of absolute errors, of others of squares; those that training
    makes small in `own` are other numbers, with an axis of their own on the right.
    """
    n_rows = max(1, len(runs))
    figure = Figure(figsize=(7.0, 2.9 * n_rows), dpi=90, layout="constrained")
    panels = figure.subplots(
        n_rows, 2, squeeze=False, gridspec_kw={"width_ratios": [3, 1]}, sharex="row"
    )
    for (error_axes, rate_axes), (title, curves) in zip(panels, runs.items(), strict=False):
        power, error = (1.0, "MAE") if title in absolute else (0.5, "RMSE")
        validation = 100 * np.asarray(curves["validation_loss"], np.float64) ** power
        training = np.asarray(curves["loss"], np.float64)
        epochs = np.arange(1, len(validation) + 1)
        if title in own:
            right = error_axes.twinx()
            right.plot(epochs, training, color=_TRAIN, lw=1.4)
            right.set_ylabel("training loss, its own", color=_TRAIN)
            right.spines["top"].set_visible(False)
            training = validation
        else:
            training = 100 * training**power
            error_axes.plot(epochs, training, color=_TRAIN, label="training", lw=1.4)
        error_axes.plot(epochs, validation, color=_VALIDATION, label="validation", lw=1.8)
        best = int(np.argmin(validation))
        error_axes.plot(
            epochs[best], validation[best], "o", color=_VALIDATION, ms=6,
            label=f"kept: epoch {best + 1}, {validation[best]:.1f}",
        )  # fmt: skip
        # Scaled to what follows the first epochs, whose errors may be a hundred times larger.
        settled = np.concatenate([training[1:], validation[1:]] if len(epochs) > 1 else [training])
        top = float(np.quantile(settled, 0.9)) * 1.5
        error_axes.set_ylim(0, max(top, validation[best] * 1.2, 1.0))
        error_axes.set(title=title, xlabel="epoch", ylabel=f"{error}, 0-100 scale")
        error_axes.legend(frameon=False, fontsize="small")
        rate_axes.step(epochs, curves["learning_rate"], color=_RATE, where="mid")
        rate_axes.set(yscale="log", title="learning rate", xlabel="epoch")
        for axes in (error_axes, rate_axes):
            axes.spines[["top", "right"]].set_visible(False)
            axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=6))
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", metadata={"Software": None})
    return buffer.getvalue()
