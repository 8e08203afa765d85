"""Figures on protocols: the learning curve, repetitions beside the paper's, the Gamma test.

Draw and save within `svg.house_style`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from musqa_pipeline.stages.evaluation.ceiling import Ceiling
from musqa_pipeline.stages.evaluation.paper_tables import METRIC_WORDS, TABLE_V
from musqa_pipeline.stages.evaluation.summary import number
from musqa_pipeline.studies.figures import INK, MUTED, RECORDING_MARKERS, SERIES, new_figure
from musqa_pipeline.studies.listening.table_vi_lines import paper_network
from musqa_pipeline.studies.statistics.repetitions import Repeated


def learning_curves(by_model: Mapping[str, Sequence[Mapping[str, Any]]]) -> Figure:
    """RMSE over the number of references that were trained on."""
    figure = new_figure(4.8, 3.6 + 0.2 * -(-len(by_model) // 2))
    axes = figure.subplots()
    ticks = sorted({p["n_groups"] for points in by_model.values() for p in points})
    for i, (name, points) in enumerate(by_model.items()):
        colour = SERIES[i % len(SERIES)]
        # Beside each other, so that intervals at one place can be told apart.
        x = [p["n_groups"] * 1.02 ** (i - (len(by_model) - 1) / 2) for p in points]
        axes.plot(x, [p["estimate"] for p in points], color=colour, marker="o", ms=5, label=name)
        for place, point in zip(x, points, strict=True):
            if point["low"] is not None:
                axes.vlines(place, point["low"], point["high"], color=colour, linewidth=1.2)
    axes.set_xscale("log", base=2)
    axes.set_xticks(ticks, [f"{tick:,}" for tick in ticks])
    axes.set_xticks([], minor=True)
    axes.set(xlabel="recordings (groups) trained on", ylabel="RMSE, points")
    axes.set_ylim(bottom=0)
    figure.legend(loc="outside lower left", ncols=2)
    return figure


def repetition_strips(
    found: Sequence[Repeated],
    names: Mapping[str, str],
    paper: Mapping[str, Mapping[str, tuple[float, float]]] = TABLE_V,
    table: str = "table V",
) -> Figure:
    """Draw r and RMSE of every repetition, with mean and deviation, beside the paper's.

    `names` are the names for people of the models, in their order from above.
    """
    values = {(each.model, each.metric): each for each in found}
    figure = new_figure(4.8, 1.4 + 0.42 * max(2, len(names)))
    panels = figure.subplots(1, 2, sharey=True)
    for panel, metric in zip(panels, METRIC_WORDS, strict=True):
        for line, model in enumerate(names):
            mine = values.get((model, metric))
            if mine is not None:
                n = len(mine.values)
                panel.scatter(
                    mine.values, np.full(n, line - 0.14), s=14, color=SERIES[0], alpha=0.7,
                    linewidths=0, label="ours, each repetition" if line == 0 else None,
                )  # fmt: skip
                panel.errorbar(
                    mine.mean, line - 0.14, xerr=mine.sd, fmt="|", color=SERIES[0], ms=11
                )
            network = paper_network(model)
            if network is not None:
                mean, sd = paper[network][metric]
                panel.errorbar(mean, line + 0.18, xerr=sd, fmt="s", color=SERIES[1], ms=4.5, lw=1.4)
        panel.set_xlabel(METRIC_WORDS[metric] + (", points" if metric == "rmse" else ""))
        panel.set_yticks(range(len(names)), list(names.values()))
        panel.set_ylim(len(names) - 0.5, -0.5)
        panel.grid(axis="y", visible=False)
    handles = [
        panels[0].errorbar(
            [], [], xerr=[], fmt="|", color=SERIES[0], ms=9, label="ours, mean (SD)"
        ),
        panels[0].errorbar(
            [], [], xerr=[], fmt="s", color=SERIES[1], ms=4.5, label=f"paper, {table}"
        ),
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=2)
    return figure


def gamma_lines(ceilings: Sequence[Ceiling]) -> Figure:
    """Half squared differences of labels over distance, and the line to distance zero."""
    figure = new_figure(4.8, 3.4 + 0.2 * len(ceilings))
    axes = figure.subplots()
    for i, each in enumerate(ceilings):
        colour = SERIES[i % len(SERIES)]
        axes.scatter(
            each.distances, each.half_squares, s=20, color=colour, marker=RECORDING_MARKERS[i],
            linewidths=0,
        )  # fmt: skip
        slope = np.polyfit(each.distances, each.half_squares, 1)[0] if len(each.distances) else 0
        middle = each.half_squares.mean() - slope * each.distances.mean()
        ends = np.array([0.0, float(each.distances.max())])
        told = f"√{number(each.rmse**2, 0)} = {number(each.rmse, 1)}"
        axes.plot(
            ends, middle + slope * ends, color=colour, linewidth=1.2,
            label=f"{each.rows}: {told if middle > 0 else 'below 0, nothing is left open'}",
        )  # fmt: skip
    for line in (axes.axvline, axes.axhline):
        line(0, color=MUTED, linewidth=1)
    axes.set(
        xlabel="mean squared distance to the k-th neighbour",
        ylabel="½ (label difference)², points²",
    )
    axes.set_ylim(bottom=min(0.0, axes.get_ylim()[0]))
    figure.legend(loc="outside lower left", labelcolor=INK)
    return figure
