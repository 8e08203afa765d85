"""Stage 4: labels."""

import dagster as dg

from assets.declaration import stage_asset
from assets.materialize import run_and_describe
from assets.resources import MusqaResource
from musqa_pipeline.stages.labels.pictures import plot_label_curves


@stage_asset(group="labelling", kinds={"parquet", "visqol"})
def labels(context: dg.AssetExecutionContext, musqa: MusqaResource) -> dg.MaterializeResult:
    """ViSQOL v3 MOS-LQO of every degraded excerpt against its reference."""
    place = musqa.catalog_context(context.partition_key)
    return run_and_describe(musqa, place, "labels", picture=plot_label_curves)
