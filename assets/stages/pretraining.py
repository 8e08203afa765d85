"""Before stage 7: bodies of networks that learn from music that nobody rated."""

import dagster as dg

from assets.declaration import stage_asset
from assets.materialize import numbers_observer, run_and_describe
from assets.resources import MusqaResource
from musqa_pipeline.stages.models.pretraining.pictures import plot_curves


@stage_asset(group="training", kinds={"torch", "lightning"}, trains=True)
def pretraining(context: dg.AssetExecutionContext, musqa: MusqaResource) -> dg.MaterializeResult:
    """Bodies pre-trained on music without labels; none unless a network begins with one.

    Resumed after a kill. Each checkpoint is an observation, which the UI plots while it runs.
    """
    place = musqa.joint_context()
    return run_and_describe(
        musqa, place, "pretraining", on_numbers=numbers_observer(context), picture=plot_curves
    )
