"""What restorations would gain, by the labels of chains of faults and of their counterfactuals."""

from __future__ import annotations

import polars as pl
from gan_tables import number, table

from musqa_pipeline.audio.degradations.carriers.chains import FAULTS
from musqa_pipeline.stages.engine.context import Context
from musqa_pipeline.stages.gains.stage import EVERY_FAULT
from musqa_pipeline.stages.gains.table import GAINS
from musqa_pipeline.studies.statistics.bootstrap import mean_over_recordings


def read_gains(context: Context) -> pl.DataFrame:
    """Read the table `gains`, with whose recording each chain is."""
    return pl.DataFrame(context.lake.scan(context.joint_partition("gains"), GAINS.schema))


def gains_table(gains: pl.DataFrame) -> str:
    """Write the mean gain by fault, its interval over references, and how often it is negative."""
    lines = []
    for fault in (*FAULTS, EVERY_FAULT):
        rows = gains.filter(pl.col("fault") == fault)
        apart = (rows["without_mos"] - rows["mos"]).to_numpy()
        if not rows.height:
            continue
        found = mean_over_recordings(apart, rows["excerpt_id"], "archive")
        lines.append(
            {
                "fault": fault,
                "chains": rows.height,
                "heard": f"{rows['heard'].mean():.0%}",
                "mean gain, MOS": number(found.value, found.low, found.high),
                "largest": f"{apart.max():.2f}",
                "negative": f"{(apart < 0).mean():.0%}",
            }
        )
    return table(lines)
