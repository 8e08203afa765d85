"""Stage 7: models, and the trainings of the cross-validation."""

import functools
from collections.abc import Mapping

import dagster as dg

from assets.declaration import stage_asset
from assets.materialize import run_and_describe
from assets.resources import MusqaResource
from musqa_pipeline.stages.models.pictures import plot_curves
from musqa_pipeline.stages.models.stage import make_run


@stage_asset(group="training", kinds={"torch", "lightning"})
def models(context: dg.AssetExecutionContext, musqa: MusqaResource) -> dg.MaterializeResult:
    """Networks trained on the spectrograms, on a GPU when there is one; resumed after a kill.

    Each epoch is an observation, which the UI plots while the training runs.
    """

    def observe(epoch: Mapping[str, float | int | str]) -> None:
        context.log_event(dg.AssetObservation(context.asset_key, metadata=dict(epoch)))

    make = functools.partial(make_run, on_epoch=observe)
    return run_and_describe(musqa, musqa.joint_context(), "models", make=make, picture=plot_curves)


@stage_asset(group="training", kinds={"torch", "lightning", "scikitlearn"})
def trials(musqa: MusqaResource) -> dg.MaterializeResult:
    """Trainings and fits that the preset's cross-validation protocols ask for, resumed alike."""
    return run_and_describe(musqa, musqa.joint_context(), "trials")
