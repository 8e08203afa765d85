"""Stage 7: models, and the trainings of the cross-validation."""

import dagster as dg

from assets.declaration import stage_asset
from assets.materialize import numbers_observer, run_and_describe
from assets.resources import MusqaResource
from musqa_pipeline.stages.models.pictures import plot_curves


@stage_asset(group="training", kinds={"torch", "lightning"}, trains=True)
def models(context: dg.AssetExecutionContext, musqa: MusqaResource) -> dg.MaterializeResult:
    """Networks trained on the spectrograms, on a GPU where there is one; resumed after a kill.

    The GPU may be that of a Dask worker (`docs/gpu.md`). Each epoch is an observation, which the UI
    plots while the training runs.
    """
    place = musqa.joint_context()
    return run_and_describe(
        musqa, place, "models", on_numbers=numbers_observer(context), picture=plot_curves
    )


@stage_asset(group="training", kinds={"torch", "lightning", "scikitlearn"}, trains=True)
def trials(musqa: MusqaResource) -> dg.MaterializeResult:
    """Trainings and fits that the preset's cross-validation protocols ask for, resumed alike."""
    return run_and_describe(musqa, musqa.joint_context(), "trials")
