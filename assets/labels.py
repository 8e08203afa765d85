"""Stage 4: labels."""

import dagster as dg

from assets.failures import supervised
from assets.materialize import run_and_describe
from assets.partitions import catalogs
from assets.resources import MusqaResource
from musqa_pipeline.stages.graph import get_stage
from musqa_pipeline.stages.labels.pictures import plot_label_curves


@dg.asset(
    deps=["degradations", "excerpts"],
    partitions_def=catalogs,
    group_name="labelling",
    kinds={"parquet", "visqol"},
    owners=["team:musqa"],
    code_version="1",
)
@supervised()
def labels(context: dg.AssetExecutionContext, musqa: MusqaResource) -> dg.MaterializeResult:
    """ViSQOL v3 MOS-LQO of every degraded excerpt against its reference."""
    place = musqa.catalog_context(context.partition_key)
    return run_and_describe(musqa, place, get_stage("labels"), picture=plot_label_curves)
