"""Stage 6: spectrograms."""

import dagster as dg

from assets.automation import joint_condition
from assets.failures import supervised
from assets.materialize import run_and_describe
from assets.resources import MusqaResource
from musqa_pipeline.release.drift.page import publish_drift
from musqa_pipeline.stages.graph import get_stage
from musqa_pipeline.stages.spectrograms.pictures import contact_sheet


@dg.asset(
    deps=["dataset", "degradations"],
    group_name="training",
    kinds={"parquet", "numpy"},
    owners=["team:musqa"],
    code_version="1",
    automation_condition=joint_condition("spectrograms"),
)
@supervised()
def spectrograms(musqa: MusqaResource) -> dg.MaterializeResult:
    """Mel images of 1876 x 256 cells with their labels, in Parquet shards ready to train on.

    The views `features` (band images and descriptive features) and, if a network of the preset
    sees references too, `pairs` are made with it. A record of how labels and features are
    distributed joins the view `drift`.
    """
    place = musqa.joint_context()
    made = run_and_describe(musqa, place, get_stage("spectrograms"), picture=contact_sheet)
    run_and_describe(musqa, place, get_stage("features"))
    run_and_describe(musqa, place, get_stage("pairs"))
    publish_drift(place)
    return made
