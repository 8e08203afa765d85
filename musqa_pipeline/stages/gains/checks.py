"""What must hold of gains: each fault of each chain once, beside the labels of two rows."""

from __future__ import annotations

import polars as pl

from musqa_pipeline.core.checks import CheckResult
from musqa_pipeline.stages.dataset.inputs import read_labelled_rows
from musqa_pipeline.stages.degradations.table import CARRIER
from musqa_pipeline.stages.engine.context import Context
from musqa_pipeline.stages.gains.stage import EVERY_FAULT
from musqa_pipeline.stages.gains.table import GAINS
from musqa_pipeline.stages.labels.heard import faults_of

_KEY = ["catalog", "degraded_id", "fault"]


def check_gains(context: Context) -> CheckResult:
    """Check that what each fault of each labelled chain takes is there once, as its labels say."""
    if not context.preset.degradations.n_carrier:
        return CheckResult(True, "no chain of a carrier is asked for", {"n_gains": 0})
    stored = context.lake.scan(context.joint_partition("gains"), GAINS.schema)
    return judge_gains(pl.DataFrame(stored), read_labelled_rows(context))


def judge_gains(gains: pl.DataFrame, rows: pl.DataFrame) -> CheckResult:
    """Hold gains against labelled rows."""
    wanted = {
        (row["catalog"], row["degraded_id"], fault)
        for row in rows.filter(pl.col("kind") == CARRIER).iter_rows(named=True)
        for fault in faults_of(row["first_params"])
    }
    found = set(gains.filter(pl.col("fault") != EVERY_FAULT).select(_KEY).rows())
    labels = rows.select("catalog", "degraded_id", label="mos")
    beside = gains.join(labels, on=["catalog", "degraded_id"], how="inner")
    without = labels.rename({"degraded_id": "without_id", "label": "other"})
    beside = beside.join(without, on=["catalog", "without_id"], how="inner")
    right = (
        (pl.col("mos") == pl.col("label"))
        & (pl.col("without_mos") == pl.col("other"))
        & (pl.col("gain_mos").is_null() == ~pl.col("heard"))
        & (pl.col("gain_mos").fill_null(pl.col("other") - pl.col("label"))
           == pl.col("other") - pl.col("label"))
    )  # fmt: skip
    counts = {
        "n_missing": len(wanted - found),
        "n_surplus": len(found - wanted),
        "n_doubled": gains.height - gains.unique(_KEY).height,
        "n_wrong": gains.height - beside.filter(right.fill_null(False)).height,
    }
    heard = gains.filter(pl.col("gain_mos").is_not_null())
    return CheckResult(
        passed=gains.height > 0 and not any(counts.values()),
        claim="each fault of each chain has the difference of two labels, once",
        numbers={
            "n_gains": gains.height,
            "n_heard": heard.height,
            "n_negative": heard.filter(pl.col("gain_mos") < 0).height,
            **counts,
        },
    )
