"""Stage 2: excerpts."""

import dagster as dg

from assets.declaration import stage_asset
from assets.materialize import run_and_describe
from assets.resources import MusqaResource


@stage_asset(group="references", kinds={"parquet", "audio"})
def excerpts(context: dg.AssetExecutionContext, musqa: MusqaResource) -> dg.MaterializeResult:
    """References of 10 s: mono, 48 kHz, 16 bit, loudness-normalised, cut by a seeded plan."""
    place = musqa.catalog_context(context.partition_key)
    return run_and_describe(musqa, place, "excerpts")
