"""What must hold of the evaluation, checked on the stored table."""

from __future__ import annotations

import polars as pl

from musqa_pipeline.core.checks import CheckResult
from musqa_pipeline.learning.baselines.registry import BASELINES
from musqa_pipeline.stages.engine.context import Context
from musqa_pipeline.stages.evaluation.slices import HOLDOUT
from musqa_pipeline.stages.evaluation.table import EVALUATIONS


def check_better_than_mean(context: Context) -> CheckResult:
    """Check that every finished network errs less than the mean of the training labels."""
    partition = context.joint_partition("evaluation")
    return judge_better_than_mean(pl.DataFrame(context.lake.scan(partition, EVALUATIONS.schema)))


def judge_better_than_mean(evaluations: pl.DataFrame) -> CheckResult:
    """Compare the networks' RMSE with that of the mean predictor."""
    whole = evaluations.filter(protocol=HOLDOUT, slice="all", metric="rmse")
    draw = "uniform_draw" if (whole["draw"] == "uniform_draw").any() else "natural_mix"
    rows = whole.filter(pl.col("draw") == draw)
    rmse = dict(zip(rows["model"], rows["estimate"], strict=True))
    networks = [model for model in rmse if model not in BASELINES]
    numbers: dict[str, float | int | str] = {
        f"rmse_points_{model}": round(value, 3) for model, value in rmse.items()
    }
    numbers["test_recordings"] = max(rows["n_recordings"].to_list(), default=0)
    numbers["draw"] = draw
    return CheckResult(
        passed=bool(networks) and all(rmse[model] < rmse["mean"] for model in networks),
        claim="every finished network errs less than the mean of the training labels, on "
        "recordings that it never met",
        numbers=numbers,
    )
