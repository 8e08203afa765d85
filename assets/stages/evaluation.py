"""Stage 8: evaluation; what leaves the factory, which network is the champion, what it all cost."""

import dagster as dg

from assets.declaration import page_asset, stage_asset
from assets.materialize import run_and_describe
from assets.resources import MusqaResource
from musqa_pipeline.operations.costs.page import publish_costs
from musqa_pipeline.release.model.stage import publish_release
from musqa_pipeline.release.promotion.history import publish_decision
from musqa_pipeline.stages.evaluation.pictures import scatter_png
from musqa_pipeline.stages.evaluation.publish import publish_index, publish_report


@stage_asset(group="reports", kinds={"parquet", "html"})
def evaluation(musqa: MusqaResource) -> dg.MaterializeResult:
    """Metrics with intervals on recordings that nothing was trained or tuned on; one HTML page."""
    place = musqa.joint_context()
    made = run_and_describe(musqa, place, "evaluation", after=publish_report, picture=scatter_png)
    publish_index(place)
    return made


@stage_asset(group="reports", kinds={"torch", "onnx"}, trains=True)
def release(musqa: MusqaResource) -> dg.MaterializeResult:
    """Networks trained anew on all that may be, and the model file; none unless the preset asks."""
    return run_and_describe(musqa, musqa.joint_context(), "release", after=publish_release)


@page_asset(deps=["evaluation", "features"], kinds={"parquet", "html"})
def promotion(musqa: MusqaResource) -> dg.MaterializeResult:
    """The newest network held against the champion on frozen references, decision by decision."""
    place = musqa.joint_context()
    decision = publish_decision(place)
    publish_index(place)
    return dg.MaterializeResult(metadata=decision)


@page_asset(deps=["evaluation", "release"], kinds={"parquet", "html"})
def costs(musqa: MusqaResource) -> dg.MaterializeResult:
    """What each stage took and how large it is, and how that moved over runs; one HTML page."""
    place = musqa.joint_context()
    page = publish_costs(place)
    publish_index(place)
    return dg.MaterializeResult(metadata={"page": page} if page else {})
