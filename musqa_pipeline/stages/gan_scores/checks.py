"""What must hold of scores by GANs: one of each training for each version."""

from __future__ import annotations

import polars as pl

from musqa_pipeline.core.checks import CheckResult
from musqa_pipeline.stages.engine.context import Context
from musqa_pipeline.stages.gan_scores.stage import finished_runs
from musqa_pipeline.stages.gan_scores.table import GAN_SCORES
from musqa_pipeline.stages.segments.table import SEGMENTS
from musqa_pipeline.stages.segments.tracks import wants_segments


def check_gan_scores(context: Context) -> CheckResult:
    """Check that each finished training scored each version of each segment once."""
    if not wants_segments(context.preset):
        return CheckResult(True, "no GAN is asked for", {"n_scores": 0})
    scores, segments = (
        pl.DataFrame(context.lake.scan(context.joint_partition(table.name), table.schema))
        for table in (GAN_SCORES, SEGMENTS)
    )
    return judge_scores(scores, segments, [run["training"] for run in finished_runs(context)])


def judge_scores(scores: pl.DataFrame, segments: pl.DataFrame, trainings: list[str]) -> CheckResult:
    """Hold scores against the versions and the trainings that there are."""
    key = ["catalog", "version_id", "training"]
    wanted = segments.select("catalog", "version_id").join(
        pl.DataFrame({"training": trainings}, schema={"training": pl.String}), how="cross"
    )
    finite = pl.col("score").is_finite() & pl.col("mean_genre_score").is_finite()
    counts = {
        "n_missing": wanted.join(scores, on=key, how="anti").height,
        "n_surplus": scores.join(wanted, on=key, how="anti").height,
        "n_doubled": scores.height - scores.unique(key).height,
        "n_wrong": scores.filter(~finite).height,
    }
    return CheckResult(
        passed=bool(trainings) and not any(counts.values()),
        claim="each finished training scored each version of each segment once",
        numbers={"n_scores": scores.height, "n_trainings": len(trainings), **counts},
    )
