"""Figures 1 and 2 of paper 004: ratings in order, and which pairs are ranked as they are rated."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from musqa_pipeline.studies.figures import MUTED, SERIES_PRINTED, new_figure

Floats = NDArray[np.float64]
EVERY = 5
"""Tracks from one interval that is drawn to the next, as in the paper."""
N_COLUMNS = 3
STEEPEST = 1.5
"""Slopes beyond are drawn at the edge."""
MOST_PAIRS = 1_500
"""Drawn of a network, evenly over all."""
RANKED, TURNED = "ranked as rated", "the other way round"
Pairs = tuple[Floats, Floats]


def draw_order(mos: Floats, half_width: Floats) -> Figure:
    """Draw ratings from the lowest to the highest, with every fifth interval."""
    order = np.argsort(mos, kind="stable")
    figure = new_figure(4.8, 3.6)
    axes = figure.subplots()
    places, some = np.arange(1, len(mos) + 1), slice(None, None, EVERY)
    axes.errorbar(
        places[some], mos[order][some], half_width[order][some], fmt="none",
        ecolor=SERIES_PRINTED[1], elinewidth=0.8, label=f"95 % interval, every {EVERY}th",
    )  # fmt: skip
    axes.plot(places, mos[order], color=SERIES_PRINTED[0], label="MOS")
    axes.set_xlabel("track, by MOS")
    axes.set_ylabel("MOS")
    axes.tick_params(colors=MUTED)
    axes.legend(loc="upper left")
    return figure


def pairs_apart(known: Floats, said: Floats, threshold: float) -> Pairs:
    """Return how far the ratings of each clearly different pair are apart, and the slope between.

    The slope is the difference of predictions over that of ratings: 1 of a perfect prediction,
    below 0 of a pair that is ranked the other way round.
    """
    first, second = np.triu_indices(len(known), 1)
    apart = np.abs(known[second] - known[first])
    chosen = apart > threshold
    first, second = first[chosen], second[chosen]
    return apart[chosen], (said[second] - said[first]) / (known[second] - known[first])


def draw_pairs(by_network: Mapping[str, Sequence[Pairs]], threshold: float) -> Figure:
    """Draw the slope of each clearly different pair over how far its ratings are apart.

    A panel a network, the pairs of all its test parts together; its title says the mean share of
    pairs over parts that are ranked as they are rated.
    """
    n_rows = -(-len(by_network) // N_COLUMNS)
    figure = new_figure(10.0, 0.6 + 2.7 * n_rows)
    grid = figure.subplots(n_rows, N_COLUMNS, sharex=True, sharey=True, squeeze=False)
    for panel in grid.ravel()[len(by_network) :]:
        panel.set_visible(False)
    for panel, (network, parts) in zip(grid.ravel(), by_network.items(), strict=False):
        apart, slope = (np.concatenate([part[side] for part in parts]) for side in (0, 1))
        order = np.argsort(apart, kind="stable")[:: max(1, len(apart) // MOST_PAIRS)]
        apart, slope = apart[order], slope[order].clip(-STEEPEST, STEEPEST)
        for label, own, colour in (
            (RANKED, slope > 0, SERIES_PRINTED[0]), (TURNED, slope <= 0, SERIES_PRINTED[1]),
        ):  # fmt: skip
            panel.plot(
                apart[own], slope[own], ".", color=colour, markersize=2.5, alpha=0.4, label=label
            )
        panel.axhline(0.0, color=MUTED, linewidth=0.8)
        panel.axvline(threshold, color=MUTED, linewidth=0.8, linestyle="--")
        panel.set_title(f"{network}: PRA {100 * ranking_accuracy(parts):.1f} %")
        panel.set_ylim(-1.06 * STEEPEST, 1.06 * STEEPEST)
        panel.tick_params(colors=MUTED)
    for panel in grid[-1]:
        panel.set_xlabel("difference of MOS; τ dashed")
    for panel in grid[:, 0]:
        panel.set_ylabel("slope of predictions")
    handles, labels = grid[0, 0].get_legend_handles_labels()
    legend = figure.legend(handles, labels, loc="outside upper center", ncols=2, markerscale=4)
    for handle in legend.legend_handles:
        if handle is not None:
            handle.set_alpha(1.0)
    return figure


def ranking_accuracy(parts: Sequence[Pairs]) -> float:
    """Return the mean over parts of the share of pairs ranked as rated; ties count half."""
    shares = [(np.sign(slope).mean() + 1) / 2 for _, slope in parts if len(slope)]
    return float(np.mean(shares)) if shares else float("nan")
