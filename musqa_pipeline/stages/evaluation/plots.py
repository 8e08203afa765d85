"""The figures of the report, from a predictions frame; each returns a matplotlib figure.

All points are on the 0-100 scale. Draw and save within `svg.house_style`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import polars as pl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from musqa_pipeline.stages.degradations.words import CODEC_NAMES
from musqa_pipeline.stages.evaluation.calibration import calibration
from musqa_pipeline.stages.evaluation.summary import number
from musqa_pipeline.studies.figures import (
    INK,
    MUTED,
    RECORDING_MARKERS,
    SERIES,
    SERIES_PRINTED,
    new_figure,
    points_axes,
)

MAX_LEGEND = 30
"""Recordings with a marker of their own; beyond, only those with the largest mean error."""
LABEL = "label, points"
PREDICTED = "prediction, points"


def scatter(rows: pl.DataFrame, *, legend: bool = True) -> Figure:
    """Prediction over label, a marker a recording (paper 001, figure 2)."""
    figure = new_figure(4.8, 4.8)
    axes = figure.subplots()
    points_axes(axes, x=LABEL, y=PREDICTED, square=True)
    scatter_into(axes, rows)
    if legend:
        n_lines = -(-len(axes.collections) // 2)
        figure.set_size_inches(4.8, 4.8 + 0.165 * n_lines)
        figure.legend(
            loc="outside lower left", ncols=2, handletextpad=0.2, columnspacing=1.2,
            labelspacing=0.3, borderpad=0.2, borderaxespad=0.0,
        )  # fmt: skip
    return figure


def scatter_into(axes: Axes, rows: pl.DataFrame, *, scale: float = 1.0) -> None:
    """Mark each row, a marker a recording; `scale` is that of the markers' area."""
    named, others = _shown_recordings(rows)
    rest = rows.filter(~pl.col("recording").is_in(named))
    common: dict[str, Any] = {"alpha": 0.75, "linewidths": 0.0, "rasterized": rows.height > 1_500}
    if others:
        axes.scatter(
            rest["label"], rest["predicted"], s=16 * scale, color="#8a8f98", marker="o",
            label=f"{others} other recordings", **common,
        )  # fmt: skip
    for i, recording in enumerate(named):
        part = rows.filter(pl.col("recording") == recording)
        marker = RECORDING_MARKERS[(i + i // len(SERIES_PRINTED)) % len(RECORDING_MARKERS)]
        axes.scatter(
            part["label"],
            part["predicted"],
            s=(38 if marker == "*" else 24) * scale,
            color=SERIES_PRINTED[i % len(SERIES_PRINTED)],
            marker=marker,
            label=_short(recording),
            **common,
        )


def residuals(rows: pl.DataFrame) -> Figure:
    """Prediction minus label over label, with its histogram beside it."""
    figure = new_figure(4.8, 3.6)
    axes, side = figure.subplots(1, 2, sharey=True, width_ratios=(3.4, 1))
    error = (rows["predicted"] - rows["label"]).to_numpy()
    label = rows["label"].to_numpy()
    axes.scatter(
        label, error, s=12, alpha=0.45, linewidths=0, color=SERIES_PRINTED[0],
        rasterized=rows.height > 1_500,
    )  # fmt: skip
    centres, medians = _running_median(label, error)
    mean = float(error.mean())
    axes.plot(
        centres, medians, color=INK, label=f"median; mean of all {number(mean, 1, sign=True)}"
    )
    figure.legend(loc="outside lower left")
    axes.axhline(0, color=MUTED, linewidth=1)
    points_axes(axes, x=LABEL, y="prediction - label, points")
    axes.set_xlim(-2, 102)
    limit = max(20.0, 10 * np.ceil(float(np.abs(error).max()) / 10)) if len(error) else 20.0
    axes.set_ylim(-limit, limit)
    edges = np.arange(-limit, limit + 2.5, 2.5 if limit <= 50 else 5.0)
    side.hist(error, bins=edges, orientation="horizontal", color=SERIES[0], alpha=0.85)
    side.axhline(0, color=MUTED, linewidth=1)
    side.axhline(mean, color=INK, linewidth=1.4, linestyle=(0, (2, 1)))
    side.xaxis.set_major_locator(MaxNLocator(nbins=2, integer=True))
    side.set_xlabel("rows")
    return figure


def by_recording(rows: pl.DataFrame) -> Figure:
    """Error of each recording: median, middle half and middle nine tenths, sorted."""
    named, others = _shown_recordings(rows)
    shown = rows.filter(pl.col("recording").is_in(named)).with_columns(
        error=pl.col("predicted") - pl.col("label")
    )
    error = pl.col("error")
    table = (
        shown.group_by("recording")
        .agg(
            *(error.quantile(q, "linear").alias(f"q{int(q * 100)}") for q in _QUANTILES),
            n=pl.len(),
        )
        .sort("q50", "recording")
    )
    figure = new_figure(4.8, 1.2 + 0.2 * max(3, table.height))
    axes = figure.subplots()
    lines = np.arange(table.height)
    axes.hlines(lines, table["q5"], table["q95"], color=MUTED, linewidth=1)
    axes.hlines(lines, table["q25"], table["q75"], color=SERIES[0], linewidth=5)
    axes.scatter(table["q50"], lines, color=INK, s=18, zorder=3)
    axes.axvline(0, color=MUTED, linewidth=1)
    axes.set_yticks(lines, [f"{_short(r)} ({n})" for r, n in table.select("recording", "n").rows()])
    axes.set_ylim(-0.7, table.height - 0.3)
    axes.grid(axis="y", visible=False)
    note = f"; {others} more with smaller errors" if others else ""
    axes.set_xlabel(f"prediction - label, points{note}")
    return figure


def calibration_plot(by_model: Mapping[str, pl.DataFrame], confidence: float) -> Figure:
    """Mean label of the rows that got about the same prediction, per model."""
    figure = new_figure(4.8, 4.8 + 0.2 * -(-len(by_model) // 2))
    axes = figure.subplots()
    points_axes(axes, x="mean prediction in the bin, points", y="mean label, points", square=True)
    for i, (name, rows) in enumerate(by_model.items()):
        table = calibration(rows, confidence=confidence)
        colour = SERIES[i % len(SERIES)]
        axes.plot(table["predicted"], table["label"], color=colour, marker="o", ms=5, label=name)
        bars = table.filter(pl.col("low").is_not_null())
        axes.vlines(bars["predicted"], bars["low"], bars["high"], color=colour, linewidth=1.2)
    figure.legend(loc="outside lower left", ncols=2)
    return figure


def process_curves(by_model: Mapping[str, pl.DataFrame]) -> Figure:
    """Labels and predictions over bitrate, or cut-off, for each codec applied alone."""
    singles = {m: r.filter(pl.col("kind") == "single") for m, r in by_model.items()}
    first = next(iter(singles.values()))
    codecs = sorted(first["codec"].unique().to_list(), key=lambda c: (c == "lowpass", c))
    n_rows = max(1, -(-len(codecs) // 2))
    figure = new_figure(4.8, 0.5 + 1.75 * n_rows + 0.1 * len(by_model))
    grid = figure.subplots(n_rows, 2, sharey=True, squeeze=False)
    for panel, codec in zip(grid.flat, codecs, strict=False):
        x = (pl.col("cutoff_hz") / 1_000) if codec == "lowpass" else pl.col("bitrate_kbps")
        for i, (name, rows) in enumerate(singles.items()):
            means = (
                rows.filter(pl.col("codec") == codec)
                .with_columns(x.alias("x"))
                .filter(pl.col("x").is_not_null())
                .group_by("x")
                .agg(pl.col("label", "predicted").mean())
                .sort("x")
            )
            if i == 0:
                panel.plot(means["x"], means["label"], color=INK, marker="o", ms=4, label="label")
                ticks = means["x"].to_list()
            panel.plot(
                means["x"], means["predicted"], color=SERIES[i % len(SERIES)], marker="s", ms=3.5,
                linestyle=(0, (4, 1.5)), label=name,
            )  # fmt: skip
        panel.set_xscale("log", base=2)
        panel.set_xticks(_apart(ticks))
        panel.set_xticks([], minor=True)
        panel.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
        unit = "kHz" if codec == "lowpass" else "kbit/s"
        panel.set(ylim=(-2, 102), title=f"{CODEC_NAMES.get(codec, codec)}, {unit}")
    for panel in list(grid.flat)[len(codecs) :]:
        panel.set_visible(False)
    if codecs:
        handles, names = grid[0, 0].get_legend_handles_labels()
        figure.legend(handles, names, loc="outside lower center", ncols=2)
    figure.supylabel("mean, points", fontsize=9.5)
    return figure


_QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)


def _apart(ticks: Sequence[float], least_ratio: float = 1.45) -> list[float]:
    """Choose those ticks of a logarithmic axis whose labels do not touch."""
    chosen = list(ticks[:1])
    for tick in ticks[1:]:
        if tick >= least_ratio * chosen[-1]:
            chosen.append(tick)
    return chosen


def _shown_recordings(rows: pl.DataFrame) -> tuple[list[str], int]:
    """Choose the recordings that are drawn one by one, sorted by name; count the others."""
    error = (pl.col("predicted") - pl.col("label")).mean().abs()
    ranked = (
        rows.group_by("recording")
        .agg(error.alias("e"))
        .sort("e", "recording", descending=[True, False])
    )
    names = ranked["recording"].to_list()
    return sorted(names[:MAX_LEGEND]), max(0, len(names) - MAX_LEGEND)


def _short(name: str, length: int = 26) -> str:
    return name if len(name) <= length else name[: length - 1] + "…"


def _running_median(
    x: NDArray[np.float64], y: NDArray[np.float64]
) -> tuple[list[float], list[float]]:
    centres, medians = [], []
    for low in np.arange(0, 100, 10):
        inside = (x >= low) & (x < low + 10)
        if inside.sum() >= 3:
            centres.append(float(low) + 5)
            medians.append(float(np.median(y[inside])))
    return centres, medians
