"""Stage 7: models."""

from collections.abc import Mapping

import dagster as dg

from assets.automation import joint_condition
from assets.failures import supervised
from assets.materialize import run_and_describe
from assets.resources import MusqaResource
from musqa_pipeline.stages.graph import get_stage
from musqa_pipeline.stages.models.pictures import plot_curves
from musqa_pipeline.stages.models.stage import watched_stage
from musqa_pipeline.stages.models.trials.stage import wants_trials


@dg.asset(
    deps=["spectrograms"],
    group_name="training",
    kinds={"torch", "lightning"},
    owners=["team:musqa"],
    code_version="1",
    automation_condition=joint_condition("models"),
)
@supervised()
def models(context: dg.AssetExecutionContext, musqa: MusqaResource) -> dg.MaterializeResult:
    """Networks trained on the spectrograms, on a GPU when there is one; resumed after a kill.

    Each epoch is an observation, which the UI plots while the training runs. The view `trials` is
    made with it: the trainings that the preset's protocols ask for.
    """

    def observe(epoch: Mapping[str, float | int | str]) -> None:
        context.log_event(dg.AssetObservation(context.asset_key, metadata=dict(epoch)))

    place = musqa.joint_context()
    made = run_and_describe(musqa, place, watched_stage(on_epoch=observe), picture=plot_curves)
    tried = run_and_describe(musqa, place, get_stage("trials"))
    shown = {"trials/units": tried.metadata["units"]} if wants_trials(place) else {}
    return dg.MaterializeResult(metadata={**made.metadata, **shown}, data_version=made.data_version)
