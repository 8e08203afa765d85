"""Stage 5: splits and dataset."""

import dagster as dg

from assets.materialize import run_and_describe
from assets.resources import MusqaResource
from musqa_pipeline.database import publish
from musqa_pipeline.dataset.pictures import plot_draw
from musqa_pipeline.graph import get_stage
from musqa_pipeline.stages import run_stage


@dg.asset(
    deps=["labels"],
    group_name="training",
    kinds={"parquet"},
    owners=["team:musqa"],
    code_version="1",
)
def dataset(musqa: MusqaResource) -> dg.MaterializeResult:
    """Excerpts drawn so that quality is uniform, split by recording without a leak.

    The view `splits` is made with it.
    """
    place = musqa.joint_context()
    run_stage(get_stage("splits"), place)
    publish(place, ["splits"])
    return run_and_describe(musqa, place, get_stage("dataset"), picture=plot_draw)
