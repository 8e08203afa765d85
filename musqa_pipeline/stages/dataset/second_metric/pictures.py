"""Both metrics against each other, with the rows on which they disagree most."""

from __future__ import annotations

import io

import numpy as np
import polars as pl
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
    """Add to each row how far its disagreement is from what is usual at its label."""
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
    """Draw a dot a row, the usual second opinion as a line, and circles around the oddest rows."""
    figure = Figure(figsize=(6.0, 4.6), layout="constrained", facecolor="white")
    axis = figure.subplots()
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
    png = io.BytesIO()
    figure.savefig(png, format="png", dpi=100, metadata={"Software": None})
    return png.getvalue()


def most_disputed(opinions: pl.DataFrame) -> pl.DataFrame:
    """Take the rows whose residual is largest, either way."""
    order = [pl.col("residual").abs(), pl.col("catalog"), pl.col("degraded_id")]
    return opinions.sort(order, descending=[True, False, False]).head(N_MARKED)
