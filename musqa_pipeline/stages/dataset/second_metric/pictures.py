"""Second metrics against the label, with the rows on which they disagree most."""

from __future__ import annotations

import io
import math

import numpy as np
import polars as pl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from musqa_pipeline.stages.dataset.second_metric.table import OPINIONS
from musqa_pipeline.stages.engine.context import Context

NEIGHBOURS = 25
"""Rows below and above, in order of the label, that say what is usual there."""
N_MARKED = 20
MANY = 2_000
DOT, MARK, INK = "#2f6db3", "#c0392b", "#1f2933"


def read_opinions(context: Context) -> pl.DataFrame:
    """Read the opinions with their residuals."""
    table = context.lake.scan(context.joint_partition("opinions"), OPINIONS.schema)
    return with_residuals(pl.DataFrame(table))


def with_residuals(opinions: pl.DataFrame) -> pl.DataFrame:
    """Add to each row how far its disagreement is from what its metric usually says there."""
    parts = [
        _of_metric(rows)
        for _, rows in opinions.sort("metric").group_by("metric", maintain_order=True)
    ]
    return pl.concat(parts) if parts else _of_metric(opinions)


def _of_metric(opinions: pl.DataFrame) -> pl.DataFrame:
    rows = opinions.sort("mos", "catalog", "degraded_id")
    values = rows["disagreement"].to_numpy()
    usual = [
        float(np.median(values[max(0, i - NEIGHBOURS) : i + NEIGHBOURS + 1]))
        for i in range(len(values))
    ]
    return rows.with_columns(usual=pl.Series(usual, dtype=pl.Float64)).with_columns(
        residual=pl.col("disagreement") - pl.col("usual")
    )


def plot_opinions(context: Context) -> bytes:
    """Draw the stored opinions."""
    return plot_scatter(read_opinions(context))


def plot_scatter(opinions: pl.DataFrame) -> bytes:
    """Draw each metric: a dot a row, what is usual as a line, circles around the oddest rows."""
    by_metric = opinions.partition_by("metric", maintain_order=True) or [opinions]
    n_columns = min(2, len(by_metric))
    n_rows = math.ceil(len(by_metric) / n_columns)
    size = (6.0 * n_columns, 4.6 * n_rows)
    figure = Figure(figsize=size, layout="constrained", facecolor="white")
    axes = figure.subplots(n_rows, n_columns, squeeze=False).flat
    for axis, of_metric in zip(axes, by_metric, strict=False):
        _draw(axis, of_metric)
    for axis in list(axes)[len(by_metric) :]:
        axis.set_visible(False)
    png = io.BytesIO()
    figure.savefig(png, format="png", dpi=100, metadata={"Software": None})
    return png.getvalue()


def _draw(axis: Axes, opinions: pl.DataFrame) -> None:
    size = 6 if opinions.height < MANY else 3
    axis.plot(
        opinions["mos"], opinions["second_mos"], ".", color=DOT, alpha=0.5, markersize=size, mew=0
    )
    axis.plot(opinions["mos"], opinions["mos"] + opinions["usual"], color=INK, linewidth=1)
    odd = most_disputed(opinions)
    axis.plot(odd["mos"], odd["second_mos"], "o", color=MARK, fillstyle="none", markersize=7)
    metric = opinions["metric"][0] if opinions.height else "second opinion"
    axis.set_title(
        f"{opinions.height:,} rows; line: running median; circles: the {odd.height} farthest "
        "from it",
        fontsize=9, color=INK, loc="left",
    )  # fmt: skip
    axis.set_xlabel("label, ViSQOL MOS-LQO", fontsize=8, color=INK)
    axis.set_ylabel(f"{metric}, MOS", fontsize=8, color=INK)
    axis.set_xlim(0.95, 4.85)
    axis.set_ylim(0.95, 5.05)
    axis.tick_params(labelsize=8, colors=INK)
    axis.grid(alpha=0.25)
    axis.spines[["top", "right"]].set_visible(False)


def most_disputed(opinions: pl.DataFrame) -> pl.DataFrame:
    """Take the rows of a metric whose residual is largest, either way."""
    order = [pl.col("residual").abs(), pl.col("catalog"), pl.col("degraded_id")]
    return opinions.sort(order, descending=[True, False, False]).head(N_MARKED)
