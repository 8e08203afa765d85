"""What stages cost so far: sums over their runs, and series for plots."""

from __future__ import annotations

from typing import Any

import polars as pl

from musqa_pipeline.stages.engine.context import Context
from musqa_pipeline.stages.engine.records import record_partition
from musqa_pipeline.stages.engine.run_costs import STAGE_RUNS
from musqa_pipeline.stages.rows import ROWS

_ORDER = {name: number for number, name in enumerate(row.name for row in ROWS)}

_PER_ROW = pl.when(pl.col("rows") > 0).then(pl.col("cpu_s") / pl.col("rows"))


def read_runs(context: Context) -> pl.DataFrame:
    """Read all recorded runs of a preset's stages."""
    partition = record_partition("stage_runs", context.preset.name)
    runs = pl.DataFrame(context.lake.scan(partition, STAGE_RUNS.schema))
    return runs.sort("finished_utc", "stage", "run_catalog")


def sum_up(runs: pl.DataFrame) -> list[dict[str, Any]]:
    """Add up the runs of each stage and catalog."""
    summed = runs.group_by("stage", "run_catalog", maintain_order=True).agg(
        runs=pl.len(),
        idle=(pl.col("made") == 0).sum(),
        last=pl.col("finished_utc").max(),
        made=pl.col("made").sum(),
        rows=pl.col("rows").sum(),
        wall_s=pl.col("wall_s").sum(),
        cpu_s=pl.col("cpu_s").sum(),
        written_bytes=pl.col("written_bytes").sum(),
        shelf_bytes=pl.col("shelf_bytes").last(),
    )
    rows = summed.with_columns(cpu_s_per_row=_PER_ROW).rename({"run_catalog": "catalog"}).to_dicts()
    return sorted(rows, key=lambda r: (_ORDER.get(r["stage"], len(_ORDER)), r["catalog"]))


def totals(runs: pl.DataFrame) -> dict[str, float]:
    """Add up everything."""
    return {
        "runs": float(runs.height),
        "wall_s": float(runs["wall_s"].sum()),
        "cpu_s": float(runs["cpu_s"].sum()),
        "written_bytes": float(runs["written_bytes"].sum()),
        "shelf_bytes": float(sum(row["shelf_bytes"] for row in sum_up(runs))),
    }


def over_time(runs: pl.DataFrame) -> dict[str, pl.DataFrame]:
    """Make a series of each stage, all catalogs together."""
    series = {}
    for stage in sorted(runs["stage"].unique(), key=lambda s: _ORDER.get(s, len(_ORDER))):
        size, before = pl.col("shelf_bytes"), pl.col("shelf_bytes").shift(fill_value=0)
        series[stage] = runs.filter(pl.col("stage") == stage).select(
            "finished_utc",
            "wall_s",
            cpu_h=pl.col("cpu_s").cum_sum() / 3600,
            size_bytes=(size - before.over("run_catalog")).cum_sum().cast(pl.Float64),
            cpu_s_per_row=_PER_ROW,
        )
    return series
