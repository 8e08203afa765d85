"""Figures on the data and the training; each returns a matplotlib figure.

Draw and save within `svg.house_style`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from musqa_pipeline.stages.evaluation.plots import LABEL
from musqa_pipeline.studies.figures import GRID, INK, MUTED, SERIES, new_figure


def distribution(edges: Sequence[float], before: Sequence[int], after: Sequence[int]) -> Figure:
    """Distribution of the labels before and after the uniform draw."""
    figure = new_figure(4.8, 3.6)
    axes = figure.subplots()
    shares = [100.0 * np.asarray(n, dtype=np.float64) / max(1, sum(n)) for n in (before, after)]
    axes.stairs(
        shares[1], edges, fill=True, color=SERIES[0], alpha=0.8, label=f"drawn, {sum(after):,} rows"
    )
    axes.stairs(shares[0], edges, color=INK, linewidth=1.6, label=f"pool, {sum(before):,} rows")
    axes.axhline(100.0 / len(before), color=MUTED, linewidth=1, linestyle=(0, (4, 3)))
    axes.set_ylim(0, 1.25 * max(float(s.max()) for s in shares))
    axes.legend(loc="upper left", ncols=2)
    axes.set(xlabel=LABEL, ylabel="share of rows, %", xlim=(-2, 102))
    return figure


def training_curves(
    curves: Mapping[str, Sequence[Any]],
    best_epoch: int,
    error: str = "square",
    own_loss: bool = False,
) -> Figure:
    """Training and validation over epochs, with the learning rate below.

    A network that makes another number small than the mean `error` that validation looks at has
    that loss in a panel of its own.
    """
    rates = curves.get("learning_rate")
    heights = [3, *[2] * own_loss, *[1] * bool(rates)]
    figure = new_figure(4.8, 2.4 + 0.8 * (sum(heights) - 2))
    panels = list(
        np.atleast_1d(figure.subplots(len(heights), 1, sharex=True, height_ratios=heights))
    )
    panels[-1].set_xlabel("epoch")
    axes, ofs = panels[0], {"training": panels[1 if own_loss else 0], "validation": panels[0]}
    if rates:
        below = panels[-1]
        below.step(range(len(rates)), rates, where="post", color=MUTED)
        below.set(yscale="log", ylabel="rate")
        below.set_yticks(sorted({rates[0], rates[-1]}))
        below.yaxis.set_major_formatter(lambda value, _: f"{value:.1e}".replace("e-0", "e-"))
        below.tick_params(axis="y", which="minor", left=False, labelleft=False)
    for key, name, colour in (
        ("loss", "training", SERIES[0]),
        ("validation_loss", "validation", SERIES[1]),
    ):
        values = curves[key]
        marker = "o" if len(values) < 3 else ""
        ofs[name].plot(range(len(values)), values, color=colour, label=name, marker=marker)
    axes.axvline(best_epoch, color=MUTED, linestyle=(0, (4, 3)), linewidth=1)
    axes.set(yscale="log", ylabel=f"mean {error} error\nof quality")
    axes.legend(loc="upper right", title=f"kept: epoch {best_epoch}")
    axes.tick_params(axis="y", which="minor", labelleft=False)
    axes.grid(which="minor", axis="y", color=GRID, linewidth=0.4)
    if own_loss:
        panels[1].set_ylabel("its own\ntraining loss")
    return figure
