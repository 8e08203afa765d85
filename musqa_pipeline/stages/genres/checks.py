"""What must hold of genres: each classifier once, with predictions and scores that can be."""

from __future__ import annotations

import polars as pl

from musqa_pipeline.core.checks import CheckResult
from musqa_pipeline.stages.autoencoders.music import representations
from musqa_pipeline.stages.engine.context import Context
from musqa_pipeline.stages.genres.stage import list_units
from musqa_pipeline.stages.genres.table import GENRES

_KEY = ["clips", "classifier", "of", "pooling", "training", "seed", "rounded"]


def check_genres(context: Context) -> CheckResult:
    """Check that each finished training was probed on each kind of clips, with sound numbers."""
    if not representations(context.preset).genres:
        return CheckResult(True, "no genre is asked for", {"n_classifiers": 0})
    rows = pl.DataFrame(context.lake.scan(context.joint_partition("genres"), GENRES.schema))
    wanted = {
        (unit.plan["kind"], run["training"])
        for unit in list_units(context)
        for run in unit.plan["runs"]
    }
    return judge_genres(rows, wanted)


def judge_genres(rows: pl.DataFrame, wanted: set[tuple[str, str]]) -> CheckResult:
    """Hold rows against the trainings that there are, by kind of clips."""
    probed = set(rows.filter(pl.col("training") != "").select("clips", "training").rows())
    right = (
        pl.col("f1").is_between(0, 1)
        & (pl.col("low").is_null() | (pl.col("low") <= pl.col("high")))
        & (pl.col("predicted").list.len() == pl.col("n_tested"))
        & (pl.col("predicted").list.min() >= 0)
        & (pl.col("predicted").list.max() < pl.col("genres").list.len())
        & (pl.col("tied_share").is_null() | pl.col("tied_share").is_between(0, 1))
    )
    counts = {
        "n_missing": len(wanted - probed),
        "n_surplus": len(probed - wanted),
        "n_doubled": rows.height - rows.unique(_KEY).height,
        "n_wrong": rows.filter(~right.fill_null(False)).height,
    }
    return CheckResult(
        passed=rows.height > 0 and not any(counts.values()),
        claim="each classifier was asked once of each kind of clips",
        numbers={"n_classifiers": rows.height, **counts},
    )
