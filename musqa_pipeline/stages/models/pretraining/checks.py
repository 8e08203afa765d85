"""What must hold of pre-trainings: none has heard what its networks are tested on."""

from __future__ import annotations

import polars as pl

from musqa_pipeline.core.checks import CheckResult
from musqa_pipeline.stages.engine.context import Context
from musqa_pipeline.stages.models.pretraining.bodies import is_pretrained, pretraining_unit
from musqa_pipeline.stages.models.pretraining.material import listed_tracks
from musqa_pipeline.stages.models.pretraining.stage import beginnings
from musqa_pipeline.stages.models.pretraining.table import PRETRAININGS
from musqa_pipeline.stages.spectrograms.in_use import networks_in_use


def check_pretraining_met_no_test(context: Context) -> CheckResult:
    """Check that no body has heard a recording that a network with it is tested on."""
    models = {m for m in networks_in_use(context.preset) if is_pretrained(context, m)}
    numbers = {"n_bodies": 0, "n_absent": 0, "n_transductive": 0, "n_met": 0}
    if models:
        partition = context.joint_partition("pretraining")
        tracks = listed_tracks(context).with_columns(
            key=pl.concat_str("catalog", "track_id", separator="/")
        )
        stored = pl.DataFrame(
            context.lake.scan(
                partition, PRETRAININGS.schema, columns=["folder", "heard", "transductive"]
            )
        )
        for model, held, repetition in beginnings(context, models):
            unit = pretraining_unit(context, model, tracks, held, repetition)
            row = stored.filter(pl.col("folder").str.ends_with(f"/{unit.unit_id}"))
            numbers["n_bodies"] += 1
            if row.is_empty():
                numbers["n_absent"] += 1
                continue
            tested = tracks.filter(
                (pl.col("part") == "test")
                | pl.col("split_group").is_in(sorted(held))
                | pl.col("catalog").is_in(context.preset.models.left_out_catalogs)
            )
            met = tracks.filter(pl.col("key").is_in(row["heard"][0].to_list())).join(
                tested, on="recording", how="semi"
            )
            numbers["n_transductive"] += row["transductive"][0]
            numbers["n_met"] += 0 if row["transductive"][0] else met.height
    may = " but those that the preset lets hear all" if numbers["n_transductive"] else ""
    return CheckResult(
        passed=not (numbers["n_met"] or numbers["n_absent"]),
        claim=f"no body has heard what its network is tested on{may}",
        numbers=numbers,
    )
