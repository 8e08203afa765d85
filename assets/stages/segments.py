"""Beside stage 5: segments of the test recordings, for networks that learn without labels."""

import dagster as dg

from assets.declaration import stage_asset
from assets.materialize import run_and_describe
from assets.resources import MusqaResource


@stage_asset(group="training", kinds={"parquet"})
def segments(musqa: MusqaResource) -> dg.MaterializeResult:
    """Test recordings in segments, degraded as paper 000 has it; none unless the preset asks."""
    return run_and_describe(musqa, musqa.joint_context(), "segments")
