"""Autoencoders that learn from noise, and what they make of music."""

import dagster as dg

from assets.declaration import stage_asset
from assets.materialize import numbers_observer, run_and_describe
from assets.resources import MusqaResource


@stage_asset(group="training", kinds={"torch", "lightning"}, trains=True)
def autoencoders(context: dg.AssetExecutionContext, musqa: MusqaResource) -> dg.MaterializeResult:
    """Autoencoders trained on noise by metrics; none unless the preset asks. Resumed after a kill.

    Each checkpoint is an observation, which the UI plots while the training runs.
    """
    return run_and_describe(
        musqa, musqa.joint_context(), "autoencoders", on_numbers=numbers_observer(context)
    )


@stage_asset(group="training", kinds={"torch"})
def reconstructions(musqa: MusqaResource) -> dg.MaterializeResult:
    """What each training makes of each excerpt, as image and as sound."""
    return run_and_describe(musqa, musqa.joint_context(), "reconstructions")


@stage_asset(group="training", kinds={"torch", "scikitlearn"})
def genres(musqa: MusqaResource) -> dg.MaterializeResult:
    """How well genres are told by distances of images, and from latents of each training."""
    return run_and_describe(musqa, musqa.joint_context(), "genres")
