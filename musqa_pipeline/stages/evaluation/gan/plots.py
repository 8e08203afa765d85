"""The figures of the page on GANs, after those of paper 000; each returns a matplotlib figure.

Scores have no unit: they are shown in deviations of originals' scores, from their mean. Draw and
save within `figures.house_style`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import polars as pl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import FuncFormatter
from numpy.typing import NDArray

from musqa_pipeline.stages.evaluation.gan.falls import KIND_WORDS
from musqa_pipeline.stages.segments.versions import DRAWN, LADDER, ORIGINAL
from musqa_pipeline.studies.figures import INK, MUTED, SERIES, SERIES_PRINTED, new_figure
from musqa_pipeline.studies.listening.cells import N_FIFTHS, cell_of
from musqa_pipeline.studies.listening.cells import ORIGINAL as ORIGINAL_CELL
from musqa_pipeline.studies.statistics.bootstrap import mean_over_recordings
from musqa_pipeline.studies.statistics.metrics import is_constant

Floats = NDArray[np.float64]
SCORE = "score, deviations of originals"
MEASURES = {
    "intensity": "I", "mse": "MSE", "score": "D", "flatness_48k": "SF 48k",
    "flatness_16k": "SF 16k", "temporal_sd": "SD", "visqol_mos": "ViSQOL",
}  # fmt: skip
"""Columns that are correlated, by short names: those of the paper's figure 3, and two more."""
N_COLUMNS = 3
"""Images of either kind side by side; further ones stand below."""
GUTTER = 6
"""Empty cells between images."""
FEWEST_FOR_A_VIOLIN = 5


def violins(rows: pl.DataFrame) -> Figure:
    """Scores of originals and by fifth of the intensity, a panel a degradation (figure 2)."""
    figure = new_figure(4.8, 4.9)
    panels = figure.subplots(2, 2, sharex=True, sharey=True).flat
    originals = rows.filter(kind=ORIGINAL)["score"].to_numpy()
    for panel, (number, kind) in zip(panels, enumerate(KIND_WORDS), strict=True):
        part = rows.filter(kind=kind)
        fifth = np.array([cell_of(kind, i)[1] for i in part["intensity"]])
        groups = [originals, *(part["score"].to_numpy()[fifth == n] for n in range(N_FIFTHS))]
        for place, group in enumerate(groups):
            _violin(panel, place, group, MUTED if place == 0 else SERIES[number])
        medians = [float(np.median(group)) if len(group) else np.nan for group in groups]
        panel.plot(range(len(groups)), medians, color=INK, marker="o", ms=3.5, linewidth=1.2)
        panel.axhline(medians[0], color=MUTED, linewidth=0.8, linestyle=(0, (3, 2)))
        panel.set_title(KIND_WORDS[kind])
        panel.set_xticks(range(len(groups)), ["orig.", *(f"–{20 * (n + 1)}" for n in range(5))])
        panel.grid(axis="x", visible=False)
    figure.supxlabel("intensity I, upper end of the fifth", fontsize=9.5)
    figure.supylabel(SCORE, fontsize=9.5)
    return figure


def _violin(axes: Axes, place: int, values: Floats, colour: str) -> None:
    if len(values) < FEWEST_FOR_A_VIOLIN or is_constant(values):
        return
    bodies: Any = axes.violinplot(values, [place], widths=0.85, showextrema=False)["bodies"]
    for body in bodies:
        body.set(facecolor=colour, edgecolor="none", alpha=0.45)


def falls_over_intensity(rows: pl.DataFrame) -> Figure:
    """Mean score of the ladder over intensity, with its interval over recordings."""
    figure = new_figure(4.8, 3.7)
    axes = figure.subplots()
    original = rows.filter(kind=ORIGINAL)
    for number, (kind, words) in enumerate(KIND_WORDS.items()):
        ladder = rows.filter(kind=kind, draw=LADDER)
        steps = ladder["intensity"].unique().sort().to_list()
        parts = [original, *(ladder.filter(intensity=step) for step in steps)]
        found = [mean_over_recordings(p["score"], p["whose"], "gan", n_draws=1000) for p in parts]
        x, colour = [0.0, *steps], SERIES[number]
        middle, low, high = (
            np.array([getattr(one, name) for one in found], np.float64)
            for name in ("value", "low", "high")
        )
        axes.plot(x, middle, color=colour, marker="o", ms=4, label=words)
        axes.fill_between(x, low, high, color=colour, alpha=0.12, linewidth=0)
    axes.set_xlabel("intensity I; 0 stands for the original")
    axes.set_ylabel(SCORE)
    axes.set_xticks([0, 10, 30, 50, 70, 90])
    axes.legend(ncols=2)
    return figure


def matrix(
    values: Sequence[Sequence[float | None]], rows: Sequence[str], columns: Sequence[str]
) -> Figure:
    """Correlations as a table of coloured cells (figure 3)."""
    figure = new_figure(4.8, 1.1 + 0.42 * len(rows))
    axes = figure.subplots()
    for y, line in enumerate(values):
        for x, value in enumerate(line):
            if value is None:
                axes.text(x, y, "–", ha="center", va="center", color=MUTED)
                continue
            colour = SERIES_PRINTED[0 if value >= 0 else 1]
            axes.add_patch(
                Rectangle((x - 0.48, y - 0.46), 0.96, 0.92, color=colour, alpha=0.6 * abs(value))
            )
            text = f"{value:.2f}".replace("-", "−")
            axes.text(x, y, text, ha="center", va="center", fontsize=8.5, color=INK)
    axes.set(xlim=(-0.5, len(columns) - 0.5), ylim=(len(rows) - 0.5, -0.5))
    axes.set_xticks(range(len(columns)), columns)
    axes.set_yticks(range(len(rows)), rows)
    axes.tick_params(length=0, labelcolor=INK, labeltop=True, labelbottom=False)
    axes.grid(visible=False)
    axes.spines[:].set_visible(False)
    return figure


def curves_over_steps(
    curves: Mapping[str, Mapping[str, Sequence[float]]], checkpoint_steps: int
) -> Figure:
    """Fréchet distance, and mean scores of what trained, what did not and what is generated."""
    figure = new_figure(4.8, 5.0)
    distance, scores = figure.subplots(2, 1, sharex=True)
    dashes = {"score_met": "-", "score_unmet": (0, (4, 1.5)), "score_made": (0, (1, 1.2))}
    words = {"score_met": "met", "score_unmet": "unmet", "score_made": "generated"}
    for number, (name, of_one) in enumerate(curves.items()):
        colour, marker = SERIES[number % len(SERIES)], "o" if len(curves) < 9 else None
        steps = checkpoint_steps * (1 + np.arange(len(of_one["frechet_distance"])))
        distance.plot(
            steps, of_one["frechet_distance"], color=colour, marker=marker, ms=3, label=name
        )
        for curve, dash in dashes.items():
            if curve in of_one:
                scores.plot(steps, of_one[curve], color=colour, linestyle=dash, linewidth=1.5)
    distance.set_yscale("log")
    for axis in (distance.yaxis.set_major_formatter, distance.yaxis.set_minor_formatter):
        axis(FuncFormatter(lambda value, _: f"{value:g}"))
    distance.set_ylabel("Fréchet distance")
    for curve, dash in dashes.items():
        scores.plot([], [], color=INK, linestyle=dash, linewidth=1.5, label=words[curve])
    scores.set_ylabel("mean score")
    scores.set_xlabel("steps of the generator")
    for axes in (distance, scores):
        axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=4)
    return figure


def shown_side(size: int, n_genres: int) -> int:
    """Return the side to which images are brought down, so that many genres fit a figure."""
    return min(size, 128 if n_genres <= 4 else 64)


def image_grid(
    rows: Mapping[str, tuple[Sequence[NDArray], Sequence[NDArray]]],
    side: int,
    made: str = "generated",
) -> Figure:
    """Show generated images beside real ones, by genre (figures 1 and 4); low bands below."""
    lines = [
        (name if first == 0 else "", [of[first : first + N_COLUMNS] for of in pair])
        for name, pair in rows.items()
        for first in range(0, max(map(len, pair)), N_COLUMNS)
    ]
    pitch = side + GUTTER
    shape = len(lines) * pitch - GUTTER, 2 * N_COLUMNS * pitch
    canvas = np.full(shape, np.nan)  # a double gutter parts the two kinds
    for y, (_, pair) in enumerate(lines):
        for kind, images in enumerate(pair):
            for x, image in enumerate(images):
                left = (x + kind * N_COLUMNS) * pitch + kind * GUTTER
                canvas[y * pitch : y * pitch + side, left : left + side] = _smaller(image, side)
    figure = new_figure(4.8, 0.55 + 4.4 * shape[0] / shape[1])
    axes = figure.subplots()
    axes.imshow(canvas, cmap="magma", vmin=-1, vmax=1, interpolation="none")
    middle = (N_COLUMNS * pitch - GUTTER) / 2
    axes.set_xticks([middle, 3 * middle + 2 * GUTTER], [made, "real"])
    axes.set_yticks([y * pitch + side / 2 for y in range(len(lines))], [name for name, _ in lines])
    axes.tick_params(length=0, labelcolor=INK, labeltop=True, labelbottom=False)
    axes.grid(visible=False)
    axes.spines[:].set_visible(False)
    return figure


def _smaller(image: NDArray, side: int) -> NDArray:
    """Average cells down to a side, low bands last."""
    factor = max(1, image.shape[0] // side)
    n = image.shape[0] // factor
    reduced: NDArray = image.reshape(n, factor, n, factor).mean(axis=(1, 3))
    return reduced[::-1]


def paper_rows(rows: pl.DataFrame) -> pl.DataFrame:
    """Keep the paper's five versions a segment: its original, and a drawn one of each kind."""
    return rows.filter(pl.col("draw").is_in([ORIGINAL_CELL, DRAWN]))
