"""Stage 7: models."""

from collections.abc import Mapping

import dagster as dg

from assets.materialize import run_and_describe
from assets.resources import MusqaResource
from musqa_pipeline.models.pictures import plot_curves
from musqa_pipeline.models.stage import watched_stage


@dg.asset(
    deps=["spectrograms"],
    group_name="training",
    kinds={"torch", "lightning"},
    owners=["team:musqa"],
    code_version="1",
)
def models(context: dg.AssetExecutionContext, musqa: MusqaResource) -> dg.MaterializeResult:
    """Networks trained on the spectrograms, on a GPU when there is one; resumed after a kill.

    Each epoch is an observation, which the UI plots while the training runs.
    """

    def observe(epoch: Mapping[str, float | int | str]) -> None:
        context.log_event(dg.AssetObservation(context.asset_key, metadata=dict(epoch)))

    stage = watched_stage(on_epoch=observe)
    return run_and_describe(musqa, musqa.joint_context(), stage, picture=plot_curves)
