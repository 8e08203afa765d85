"""Stage 3: degradations."""

import dagster as dg

from assets.declaration import stage_asset
from assets.materialize import run_and_describe
from assets.resources import MusqaResource
from musqa_pipeline.stages.dataset.adaptive.rounds import run_rounds


@stage_asset(group="labelling", kinds={"parquet", "ffmpeg"})
def degradations(context: dg.AssetExecutionContext, musqa: MusqaResource) -> dg.MaterializeResult:
    """Every reference through codecs, low-passes and cascades, kept as bitstreams."""
    place = musqa.catalog_context(context.partition_key)
    return run_and_describe(musqa, place, "degradations", rounds=run_rounds)
