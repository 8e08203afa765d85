"""Figures 1 to 4 of paper 003, of rows of `genres`: distances, F1 over k, confusions."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from musqa_pipeline.studies.figures import INK, MUTED, SERIES_PRINTED, new_figure
from musqa_pipeline.studies.statistics.classes import confusions

Row = Mapping[str, Any]
METRIC_TITLES = {"mse": "log-mel MSE", "ms_ssim": "1 - MS-SSIM", "nlpd": "NLPD"}
PANEL_IN = 3.0


def draw_distances(rows: Sequence[Row], colours: Sequence[str] = SERIES_PRINTED) -> Figure:
    """Draw how distances of all pairs, and of those within genres, are distributed (figure 1).

    Rows are those of neighbours; drawn within `house_style`, as all figures here.
    """
    figure = new_figure(7.2, 2.3 * len(rows) + 0.6)
    panels = np.atleast_1d(figure.subplots(len(rows), 1, sharex=True))
    for number, (axes, row) in enumerate(zip(panels, rows, strict=True)):
        quantiles = json.loads(row["quantiles_json"])
        names = [name for name, values in quantiles.items() if values[0] < values[-1]]
        # Quantiles at equal steps stand for all the pairs.
        bodies = axes.violinplot([quantiles[name] for name in names], showextrema=False, widths=0.8)
        for place, body in enumerate(bodies["bodies"]):
            body.set(facecolor=colours[number], alpha=0.9 if place == 0 else 0.5, linewidth=0)
        middle = [quantiles[name][len(quantiles[name]) // 2] for name in names]
        axes.plot(range(1, len(names) + 1), middle, "o", color=INK, markersize=3)
        axes.set_title(METRIC_TITLES[row["of"]], loc="left")
        axes.set_ylim(bottom=0)
        axes.grid(axis="x", visible=False)
        axes.set_xticks(range(1, len(names) + 1), names, rotation=40, ha="right")
    figure.supylabel("distance", fontsize=9.5)
    return figure


def draw_neighbours(rows: Sequence[Row], colours: Sequence[str] = SERIES_PRINTED) -> Figure:
    """Draw weighted F1 on validation over k, with a square at the k that is chosen (figure 2)."""
    figure = new_figure(4.8, 3.0)
    axes = figure.subplots()
    for colour, row in zip(colours, rows, strict=False):
        curve = row["curve"]
        axes.plot(range(1, len(curve) + 1), curve, color=colour, label=METRIC_TITLES[row["of"]])
        for k in sorted(set(row["chosen"])):
            axes.plot([k], [curve[int(k) - 1]], "s", color=colour, markersize=6)
    axes.set(xlabel="neighbours k", ylabel="weighted F1, validation")
    axes.set_ylim(bottom=0)
    axes.set_xticks(range(2, 21, 2))
    axes.legend(ncols=3, loc="lower center", bbox_to_anchor=(0.5, 1.0))
    return figure


def draw_confusions(rows: Mapping[str, Row], colours: Sequence[str] = SERIES_PRINTED) -> Figure:
    """Draw for what each genre is taken, a panel a row by its title (figures 3 and 4).

    A cell is the share of the clips of its line, over all rows that a panel has predictions of.
    """
    figure = new_figure(0.9 + PANEL_IN * len(rows), PANEL_IN + 1.1)
    panels = np.atleast_1d(figure.subplots(1, len(rows), sharey=True))
    for number, (axes, (title, row)) in enumerate(zip(panels, rows.items(), strict=True)):
        _confusion_panel(axes, row, colours[number % len(colours)])
        axes.set_title(title, loc="left")
    panels[0].set_yticks(range(len(first := next(iter(rows.values()))["genres"])), first)
    panels[0].set_ylabel("genre")
    figure.supxlabel("taken for", fontsize=9.5)
    return figure


def _confusion_panel(axes: Axes, row: Row, colour: str) -> None:
    n = len(row["genres"])
    counts = confusions(row["labels"], row["predicted"], n)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    for true in range(n):
        for taken in range(n):
            if shares[true, taken]:
                axes.add_patch(
                    Rectangle(
                        (taken - 0.5, true - 0.5), 1, 1, facecolor=colour,
                        alpha=float(shares[true, taken]), linewidth=0,
                    )
                )  # fmt: skip
    axes.plot([-0.5, n - 0.5], [-0.5, n - 0.5], color=MUTED, linewidth=0.6)
    axes.set(xlim=(-0.5, n - 0.5), ylim=(n - 0.5, -0.5), aspect="equal")
    axes.set_xticks(range(n), row["genres"], rotation=60, ha="right")
    axes.grid(visible=False)
    axes.tick_params(length=0)
