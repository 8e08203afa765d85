"""Stage 2: excerpts."""

import dagster as dg

from assets.failures import supervised
from assets.materialize import run_and_describe
from assets.partitions import catalogs
from assets.resources import MusqaResource
from musqa_pipeline.stages.graph import get_stage


@dg.asset(
    deps=["tracks"],
    partitions_def=catalogs,
    group_name="references",
    kinds={"parquet", "audio"},
    owners=["team:musqa"],
    code_version="1",
)
@supervised()
def excerpts(context: dg.AssetExecutionContext, musqa: MusqaResource) -> dg.MaterializeResult:
    """References of 10 s: mono, 48 kHz, 16 bit, loudness-normalised, cut by a seeded plan."""
    place = musqa.catalog_context(context.partition_key)
    return run_and_describe(musqa, place, get_stage("excerpts"))
