"""What must hold of opinions: one of each metric for each chosen row, beside the same label."""

from __future__ import annotations

import math
from collections.abc import Sequence

import polars as pl

from musqa_pipeline.audio.metrics.registry import find_opinion
from musqa_pipeline.core.checks import CheckResult
from musqa_pipeline.stages.dataset.report import read_dataset
from musqa_pipeline.stages.dataset.second_metric.stage import asked_metrics
from musqa_pipeline.stages.dataset.second_metric.table import OPINIONS
from musqa_pipeline.stages.engine.context import Context


def check_opinions(context: Context) -> CheckResult:
    """Check that each metric judged each chosen row once, in range, beside its own label."""
    names = asked_metrics(context.preset.opinions)
    if not names:
        return CheckResult(True, "no second opinion is asked for", {"n_opinions": 0})
    stored = context.lake.scan(context.joint_partition("opinions"), OPINIONS.schema)
    versions = [find_opinion(name).version for name in names]
    return judge_opinions(pl.DataFrame(stored), read_dataset(context), versions)


def judge_opinions(
    opinions: pl.DataFrame, dataset: pl.DataFrame, metrics: Sequence[str]
) -> CheckResult:
    """Hold opinions of some metrics against the rows that they are about."""
    row = ["catalog", "degraded_id"]
    key = [*row, "metric"]
    rows = dataset.select(*row, label=pl.col("mos"))
    chosen = rows.join(pl.DataFrame({"metric": metrics}), how="cross")
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
    of_metric = joined.group_by("metric").agg(pl.corr("mos", "second_mos", method="spearman"))
    spearman = {f"spearman {name}": value for name, value in sorted(of_metric.iter_rows())}
    return CheckResult(
        passed=bool(chosen.height) and not any(counts.values()),
        claim="each chosen row has one opinion of each metric, in [1, 5], beside its own label",
        numbers={
            "n_chosen": rows.height,
            **counts,
            **{name: math.nan if value is None else value for name, value in spearman.items()},
        },
    )
