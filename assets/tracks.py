"""Stage 1: tracks."""

import dagster as dg

from assets.failures import supervised
from assets.materialize import run_and_describe
from assets.partitions import catalogs
from assets.resources import MusqaResource
from musqa_pipeline.stages.graph import get_stage
from musqa_pipeline.stages.tracks.duplicates import mark_duplicates


@dg.asset(
    partitions_def=catalogs,
    group_name="references",
    kinds={"parquet", "audio"},
    owners=["team:musqa"],
    code_version="1",
)
@supervised()
def tracks(context: dg.AssetExecutionContext, musqa: MusqaResource) -> dg.MaterializeResult:
    """Source recordings of a catalog: decode-checked, fingerprinted, measured.

    What cannot serve is in the view `quarantine`, with a reason and what to do.
    """
    place = musqa.catalog_context(context.partition_key)
    return run_and_describe(musqa, place, get_stage("tracks"), after=mark_duplicates)
