"""What must hold of segments: each is there with all its versions, or refused with a reason."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import polars as pl

from musqa_pipeline.core.checks import CheckResult
from musqa_pipeline.stages.engine.context import Context
from musqa_pipeline.stages.engine.quarantine import QUARANTINE
from musqa_pipeline.stages.segments.stage import list_units
from musqa_pipeline.stages.segments.table import SEGMENTS
from musqa_pipeline.stages.segments.tracks import gan_settings, wants_segments
from musqa_pipeline.stages.segments.versions import ORIGINAL, pcm_hash, plan_versions, rebuild

MANY = 3
"""Refusals that are told in full."""


def check_segments(context: Context) -> CheckResult:
    """Check that each segment has all its versions, and that one of each is made again alike."""
    if not wants_segments(context.preset):
        return CheckResult(True, "no segment is asked for", {"n_segments": 0})
    units = {unit.unit_id: unit for unit in list_units(context)}
    partition = context.joint_partition("segments")
    rows = pl.DataFrame(context.lake.scan(partition, SEGMENTS.schema))
    refused = pl.DataFrame(context.lake.scan(partition.quarantine, QUARANTINE.schema))
    refused = refused.filter(pl.col("unit_id").is_in(list(units)))
    visqol = gan_settings(context.preset).visqol
    files = {
        (unit.plan["catalog"], unit.plan["segment_id"]): unit.plan["path"]
        for unit in units.values()
    }
    return judge_segments(rows, refused, files, visqol=visqol)


def judge_segments(
    rows: pl.DataFrame,
    refused: pl.DataFrame,
    files: Mapping[tuple[str, str], str],
    *,
    visqol: bool,
) -> CheckResult:
    """Hold rows against the segments that are listed, by catalog and id, with their files."""
    n_versions = len(list(plan_versions("", 0)))
    n_incomplete = n_unlike = 0
    groups = rows.sort("version_id").partition_by(
        "catalog", "segment_id", as_dict=True, maintain_order=True
    )
    for number, (key, group) in enumerate(sorted(groups.items())):
        n_incomplete += group["version_id"].n_unique() != n_versions
        row = group.row(number % group.height, named=True)
        made = rebuild(Path(files[key]), row) if key in files else None
        n_unlike += made is None or pcm_hash(made) != row["pcm_hash"]
    right = (
        (pl.col("mse").is_finite() & ((pl.col("kind") == ORIGINAL) == (pl.col("mse") == 0)))
        & pl.col("flatness_48k").is_between(0, 1)
        & pl.col("flatness_16k").is_between(0, 1)
        & pl.col("temporal_sd").is_between(0, 1)
        & (pl.col("visqol_mos").is_between(1, 5) if visqol else pl.col("visqol_mos").is_null())
        & pl.col("zimtohrli_mos").is_between(1, 5).fill_null(True)
        & pl.col("musqa_net").is_between(0, 1).fill_null(True)
        & (pl.col("rating").is_null() | (pl.col("kind") == ORIGINAL))
    )
    n_wrong = rows.filter(~right.fill_null(False)).height
    n_missing = len(files) - len(groups.keys() & files.keys()) - refused.height
    told = [f"{row['file']}: {row['detail']}; {row['advice']}" for row in refused.to_dicts()]
    return CheckResult(
        passed=bool(groups) and not any((n_missing, n_incomplete, n_unlike, n_wrong)),
        claim="each segment of the test recordings has all its versions, and is made again alike",
        numbers={
            "n_segments": len(groups),
            "n_recordings": rows.select("catalog", "recording").n_unique(),
            "n_missing": n_missing,
            "n_incomplete": n_incomplete,
            "n_made_otherwise": n_unlike,
            "n_wrong": n_wrong,
            "n_refused": refused.height,
            "refused": " | ".join(told[:MANY]),
        },
    )
