"""What must hold of reconstructions: one of each excerpt by each training and way to stop it."""

from __future__ import annotations

import polars as pl

from musqa_pipeline.core.checks import CheckResult
from musqa_pipeline.stages.autoencoders.music import representations
from musqa_pipeline.stages.engine.context import Context
from musqa_pipeline.stages.reconstructions.stage import (
    finished_runs,
    is_heard,
    list_units,
    stops_of,
)
from musqa_pipeline.stages.reconstructions.table import RECONSTRUCTIONS

_KEY = {
    "catalog": pl.String, "excerpt_id": pl.String, "training": pl.String, "seed": pl.Int64,
    "stop": pl.String,
}  # fmt: skip


def check_reconstructions(context: Context) -> CheckResult:
    """Check that each finished training reconstructed each excerpt, with numbers that can be."""
    settings = representations(context.preset)
    if not settings.losses:
        return CheckResult(True, "no autoencoder is asked for", {"n_reconstructions": 0})
    rows = pl.DataFrame(
        context.lake.scan(context.joint_partition("reconstructions"), RECONSTRUCTIONS.schema)
    )
    runs = finished_runs(context)
    wanted = [
        {**{name: unit.plan[name] for name in ("catalog", "excerpt_id")}, **asked}
        for unit in list_units(context)
        for asked in stops_of(runs, unit.plan["part"])
    ]
    return judge_reconstructions(
        rows,
        pl.DataFrame([{name: row[name] for name in _KEY} for row in wanted], schema=_KEY),
        most_bits=settings.recipe("mse", "white").fixed_bits_a_cell,
        heard=pl.col("part").map_elements(
            lambda part: is_heard(settings, part), return_dtype=pl.Boolean
        ),
    )


def judge_reconstructions(
    rows: pl.DataFrame, wanted: pl.DataFrame, *, most_bits: float, heard: pl.Expr
) -> CheckResult:
    """Hold rows against the excerpts, trainings and stops that there are.

    `heard` marks the rows that ViSQOL was to hear.
    """
    mos = pl.col("visqol_mos")
    right = (
        pl.col("psnr_db").is_finite()
        & pl.col("ms_ssim").is_between(0, 1)
        & (pl.col("nlpd") >= 0)
        & pl.col("used_bits_a_cell").is_between(0, most_bits + 1e-9)
        & pl.when(heard).then(mos.is_between(1, 5)).otherwise(mos.is_null())
    )
    counts = {
        "n_missing": wanted.join(rows, on=list(_KEY), how="anti").height,
        "n_surplus": rows.join(wanted, on=list(_KEY), how="anti").height,
        "n_doubled": rows.height - rows.unique(list(_KEY)).height,
        "n_wrong": rows.filter(~right.fill_null(False)).height,
    }
    return CheckResult(
        passed=rows.height > 0 and not any(counts.values()),
        claim="each finished training reconstructed each excerpt once in each way to stop it",
        numbers={"n_reconstructions": rows.height, **counts},
    )
