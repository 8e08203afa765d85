"""What must hold of opinions: one for each chosen row, in range, beside the same label."""

from __future__ import annotations

import math

import polars as pl

from musqa_pipeline.core.checks import CheckResult
from musqa_pipeline.stages.dataset.report import read_dataset
from musqa_pipeline.stages.dataset.second_metric.stage import NO_METRIC
from musqa_pipeline.stages.dataset.second_metric.table import OPINIONS
from musqa_pipeline.stages.engine.context import Context


def check_opinions(context: Context) -> CheckResult:
    """Check that each chosen row has one second opinion, in range, beside its own label."""
    if context.preset.opinions.metric == NO_METRIC:
        return CheckResult(True, "no second opinion is asked for", {"n_opinions": 0})
    stored = context.lake.scan(context.joint_partition("opinions"), OPINIONS.schema)
    return judge_opinions(pl.DataFrame(stored), read_dataset(context))


def judge_opinions(opinions: pl.DataFrame, dataset: pl.DataFrame) -> CheckResult:
    """Hold opinions against the rows that they are about."""
    key = ["catalog", "degraded_id"]
    chosen = dataset.select(*key, label=pl.col("mos"))
    joined = opinions.join(chosen, on=key, how="inner")
    right = (
        (pl.col("mos") == pl.col("label"))
        & pl.col("second_mos").is_between(1.0, 5.0)
        & pl.col("second_distance").is_finite()
        & (pl.col("second_distance") >= 0.0)
        & (pl.col("disagreement") == pl.col("second_mos") - pl.col("mos"))
    )
    counts = {
        "n_missing": chosen.join(opinions, on=key, how="anti").height,
        "n_surplus": opinions.join(chosen, on=key, how="anti").height,
        "n_doubled": opinions.height - opinions.unique(key).height,
        "n_wrong": joined.filter(~right.fill_null(False)).height,
    }
    spearman = joined.select(pl.corr("mos", "second_mos", method="spearman")).item()
    return CheckResult(
        passed=bool(chosen.height) and not any(counts.values()),
        claim="each chosen row has one second opinion, in [1, 5], beside its own label",
        numbers={
            "n_chosen": chosen.height,
            **counts,
            "spearman": math.nan if spearman is None else float(spearman),
        },
    )
