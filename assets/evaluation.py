"""Stage 8: evaluation."""

import dagster as dg

from assets.automation import joint_condition
from assets.failures import supervised
from assets.materialize import run_and_describe
from assets.resources import MusqaResource
from musqa_pipeline.operations.costs.page import publish_costs
from musqa_pipeline.release.model.publish import publish_release
from musqa_pipeline.release.promotion.publish import publish_decision
from musqa_pipeline.stages.evaluation.pictures import scatter_png
from musqa_pipeline.stages.evaluation.publish import publish_index, publish_report
from musqa_pipeline.stages.graph import get_stage


@dg.asset(
    deps=["models", "spectrograms"],
    group_name="reports",
    kinds={"parquet", "html"},
    owners=["team:musqa"],
    code_version="1",
    automation_condition=joint_condition("evaluation"),
)
@supervised()
def evaluation(musqa: MusqaResource) -> dg.MaterializeResult:
    """Metrics with intervals on recordings that nothing was trained or tuned on; one HTML page.

    The view `release` is made with it, and the model file of a preset that releases a network. The
    newest model is held against the champion, which goes into the view `promotions`.
    """
    place = musqa.joint_context()
    made = run_and_describe(
        musqa, place, get_stage("evaluation"), after=publish_report, picture=scatter_png
    )
    run_and_describe(musqa, place, get_stage("release"), after=publish_release)
    decision = publish_decision(place)
    publish_costs(place)
    publish_index(place)
    return made._replace(metadata={**(made.metadata or {}), **decision})
