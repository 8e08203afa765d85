"""Stage 5: splits and dataset, gains of restorations, and what a second metric says of the rows."""

import dagster as dg

from assets.declaration import stage_asset
from assets.materialize import run_and_describe
from assets.resources import MusqaResource
from musqa_pipeline.stages.dataset.pictures import plot_draw
from musqa_pipeline.stages.dataset.second_metric.pictures import plot_opinions
from musqa_pipeline.stages.dataset.second_metric.stage import wants_opinions
from musqa_pipeline.stages.engine.exclusions import warn_of_withheld
from musqa_pipeline.stages.evaluation.opinions.page import publish_opinions_page


@stage_asset(group="training", kinds={"parquet"})
def splits(musqa: MusqaResource) -> dg.MaterializeResult:
    """Which recordings are trained on, watched and tested, without one in two parts."""
    place = musqa.joint_context()
    warn_of_withheld(place)
    return run_and_describe(musqa, place, "splits")


@stage_asset(group="training", kinds={"parquet"})
def dataset(musqa: MusqaResource) -> dg.MaterializeResult:
    """Excerpts drawn so that quality is uniform, split by recording without a leak."""
    return run_and_describe(musqa, musqa.joint_context(), "dataset", picture=plot_draw)


@stage_asset(group="training", kinds={"parquet"})
def gains(musqa: MusqaResource) -> dg.MaterializeResult:
    """What the removal of each fault of a carrier would gain; none unless there are chains."""
    return run_and_describe(musqa, musqa.joint_context(), "gains")


@stage_asset(group="training", kinds={"parquet"})
def opinions(musqa: MusqaResource) -> dg.MaterializeResult:
    """What a second metric says of the dataset's rows; none unless the preset asks for one."""
    place = musqa.joint_context()
    picture = plot_opinions if wants_opinions(place.preset) else None
    return run_and_describe(musqa, place, "opinions", after=publish_opinions_page, picture=picture)
