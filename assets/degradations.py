"""Stage 3: degradations."""

import dagster as dg

from assets.failures import supervised
from assets.materialize import run_and_describe
from assets.partitions import catalogs
from assets.resources import MusqaResource
from musqa_pipeline.stages.dataset.adaptive.rounds import run_rounds
from musqa_pipeline.stages.graph import get_stage


@dg.asset(
    deps=["excerpts"],
    partitions_def=catalogs,
    group_name="labelling",
    kinds={"parquet", "ffmpeg"},
    owners=["team:musqa"],
    code_version="1",
)
@supervised()
def degradations(context: dg.AssetExecutionContext, musqa: MusqaResource) -> dg.MaterializeResult:
    """Every reference through codecs, low-passes and cascades, kept as bitstreams."""
    place = musqa.catalog_context(context.partition_key)
    return run_and_describe(musqa, place, get_stage("degradations"), rounds=run_rounds)
