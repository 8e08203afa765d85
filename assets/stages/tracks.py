"""Stage 1: tracks."""

import dagster as dg

from assets.declaration import stage_asset
from assets.materialize import run_and_describe
from assets.resources import MusqaResource
from musqa_pipeline.stages.tracks.duplicates import mark_duplicates


@stage_asset(group="references", kinds={"parquet", "audio"})
def tracks(context: dg.AssetExecutionContext, musqa: MusqaResource) -> dg.MaterializeResult:
    """Source recordings of a catalog: decode-checked, fingerprinted, measured.

    What cannot serve is in the view `quarantine`, with a reason and what to do.
    """
    place = musqa.catalog_context(context.partition_key)
    return run_and_describe(musqa, place, "tracks", after=mark_duplicates)
