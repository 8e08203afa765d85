"""Autoencoders that learn from noise, and what they make of music."""

import dagster as dg

from assets.declaration import stage_asset
from assets.materialize import UnitPicture, numbers_observer, run_and_describe
from assets.resources import MusqaResource
from musqa_pipeline.stages.evaluation.publish import publish_index
from musqa_pipeline.stages.evaluation.representations.page import publish_representations_page


@stage_asset(group="training", kinds={"torch", "lightning"}, trains=True)
def autoencoders(context: dg.AssetExecutionContext, musqa: MusqaResource) -> dg.MaterializeResult:
    """Autoencoders trained on noise by metrics; none unless the preset asks. Resumed after a kill.

    Each checkpoint is an observation, which the UI plots while the training runs, with a picture of
    what the checkpoints so far make of an excerpt.
    """
    place = musqa.joint_context()

    def open_picture() -> UnitPicture:
        from musqa_pipeline.stages.evaluation.representations.pictures import GrowingPicture

        return GrowingPicture(place)

    observe = numbers_observer(context, open_picture)
    return run_and_describe(musqa, place, "autoencoders", on_numbers=observe)


@stage_asset(group="training", kinds={"torch"})
def reconstructions(musqa: MusqaResource) -> dg.MaterializeResult:
    """What each training makes of each excerpt, as image and as sound; one HTML page."""
    place = musqa.joint_context()
    made = run_and_describe(musqa, place, "reconstructions", after=publish_representations_page)
    publish_index(place)
    return made


@stage_asset(group="training", kinds={"torch", "scikitlearn"})
def genres(musqa: MusqaResource) -> dg.MaterializeResult:
    """How well genres are told by distances of images, and from latents of each training."""
    return run_and_describe(musqa, musqa.joint_context(), "genres")
