"""Stage 5: splits and dataset."""

import dagster as dg

from assets.automation import joint_condition
from assets.failures import supervised
from assets.materialize import run_and_describe
from assets.resources import MusqaResource
from musqa_pipeline.stages.dataset.pictures import plot_draw
from musqa_pipeline.stages.dataset.second_metric.pictures import plot_opinions
from musqa_pipeline.stages.dataset.second_metric.stage import wants_opinions
from musqa_pipeline.stages.engine.exclusions import warn_of_withheld
from musqa_pipeline.stages.engine.stage import run_stage
from musqa_pipeline.stages.graph import get_stage
from musqa_pipeline.stages.views.duck import publish

SHOWN = ("picture", "rows", "dagster/row_count", "preview", "seconds")
"""Metadata of `opinions` that the asset shows beside its own."""


@dg.asset(
    deps=["labels"],
    group_name="training",
    kinds={"parquet"},
    owners=["team:musqa"],
    code_version="1",
    automation_condition=joint_condition("dataset"),
)
@supervised()
def dataset(musqa: MusqaResource) -> dg.MaterializeResult:
    """Excerpts drawn so that quality is uniform, split by recording without a leak.

    The view `splits` is made with it, and `opinions` if the preset asks for a second metric.
    """
    place = musqa.joint_context()
    warn_of_withheld(place)
    run_stage(get_stage("splits"), place)
    publish(place, ["splits"])
    made = run_and_describe(musqa, place, get_stage("dataset"), picture=plot_draw)
    picture = plot_opinions if wants_opinions(place.preset) else None
    judged = run_and_describe(musqa, place, get_stage("opinions"), picture=picture)
    shown = {f"opinions/{n.split('/')[-1]}": judged.metadata[n] for n in SHOWN} if picture else {}
    return dg.MaterializeResult(metadata={**made.metadata, **shown}, data_version=made.data_version)
