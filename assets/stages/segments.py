"""Networks that learn without labels, and the segments of the test recordings that they score."""

import dagster as dg

from assets.declaration import stage_asset
from assets.materialize import UnitPicture, numbers_observer, run_and_describe
from assets.resources import MusqaResource
from musqa_pipeline.stages.evaluation.gan.page import publish_gan_page
from musqa_pipeline.stages.evaluation.publish import publish_index


@stage_asset(group="training", kinds={"parquet"})
def segments(musqa: MusqaResource) -> dg.MaterializeResult:
    """Test recordings in segments, degraded as paper 000 has it; none unless the preset asks."""
    return run_and_describe(musqa, musqa.joint_context(), "segments")


@stage_asset(group="training", kinds={"torch", "lightning"}, trains=True)
def gans(context: dg.AssetExecutionContext, musqa: MusqaResource) -> dg.MaterializeResult:
    """GANs that learn what music looks like; none unless the preset asks. Resumed after a kill.

    Each checkpoint is an observation, which the UI plots while the training runs, with a picture of
    what is generated beside real images of each genre.
    """
    place = musqa.joint_context()

    def open_picture() -> UnitPicture:
        from musqa_pipeline.stages.evaluation.gan.pictures import GrowingImages

        return GrowingImages(place)

    observe = numbers_observer(context, open_picture)
    return run_and_describe(musqa, place, "gans", on_numbers=observe)


@stage_asset(group="training", kinds={"torch", "html"})
def gan_scores(musqa: MusqaResource) -> dg.MaterializeResult:
    """What each training of a GAN says of each version of each segment; one HTML page."""
    place = musqa.joint_context()
    made = run_and_describe(musqa, place, "gan_scores", after=publish_gan_page)
    publish_index(place)
    return made
