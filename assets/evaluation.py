"""Stage 8: evaluation."""

import dagster as dg

from assets.materialize import run_and_describe
from assets.resources import MusqaResource
from musqa_pipeline.evaluation.pictures import scatter_png
from musqa_pipeline.evaluation.publish import publish_report
from musqa_pipeline.graph import get_stage


@dg.asset(
    deps=["models", "spectrograms"],
    group_name="reports",
    kinds={"parquet", "html"},
    owners=["team:musqa"],
    code_version="1",
)
def evaluation(musqa: MusqaResource) -> dg.MaterializeResult:
    """Metrics with intervals on recordings that nothing was trained or tuned on; one HTML page."""
    place = musqa.joint_context()
    return run_and_describe(
        musqa, place, get_stage("evaluation"), after=publish_report, picture=scatter_png
    )
