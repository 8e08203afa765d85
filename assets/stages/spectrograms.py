"""Stage 6: what networks and baselines are shown, and how it moves from run to run."""

import dagster as dg

from assets.declaration import page_asset, stage_asset
from assets.materialize import run_and_describe
from assets.resources import MusqaResource
from musqa_pipeline.release.drift.page import publish_drift
from musqa_pipeline.stages.spectrograms.pictures import contact_sheet


@stage_asset(group="training", kinds={"parquet", "numpy"})
def spectrograms(musqa: MusqaResource) -> dg.MaterializeResult:
    """Mel images of 1876 x 256 cells with their labels, in Parquet shards ready to train on."""
    return run_and_describe(musqa, musqa.joint_context(), "spectrograms", picture=contact_sheet)


@stage_asset(group="training", kinds={"parquet", "numpy"})
def features(musqa: MusqaResource) -> dg.MaterializeResult:
    """Band images and descriptive features of the same rows, for baselines and small networks."""
    return run_and_describe(musqa, musqa.joint_context(), "features")


@stage_asset(group="training", kinds={"parquet", "numpy"})
def pairs(musqa: MusqaResource) -> dg.MaterializeResult:
    """References beside their degraded excerpts; none unless a network of the preset sees both."""
    return run_and_describe(musqa, musqa.joint_context(), "pairs")


@stage_asset(group="training", kinds={"parquet", "numpy"})
def nisqa_mels(musqa: MusqaResource) -> dg.MaterializeResult:
    """Mel images of 1001 x 48 cells; none unless a network of NISQA's family is in the preset."""
    return run_and_describe(musqa, musqa.joint_context(), "nisqa_mels")


@stage_asset(group="training", kinds={"parquet", "numpy"})
def waveforms(musqa: MusqaResource) -> dg.MaterializeResult:
    """Excerpts at 16 kHz; none unless a network of the preset eats waveforms."""
    return run_and_describe(musqa, musqa.joint_context(), "waveforms")


@page_asset(deps=["spectrograms", "features"], kinds={"parquet", "html"})
def drift(musqa: MusqaResource) -> dg.MaterializeResult:
    """How labels and features are distributed, run after run, and what moved; one HTML page."""
    return dg.MaterializeResult(metadata={"page": publish_drift(musqa.joint_context())})
