"""Disagreement without what the two scales differ by anyway."""

from __future__ import annotations

import numpy as np
import polars as pl

from musqa_pipeline.stages.dataset.second_metric.table import OPINIONS
from musqa_pipeline.stages.engine.context import Context

NEIGHBOURS = 25
"""Rows below and above, in order of the label, that say what is usual there."""


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
