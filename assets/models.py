"""Stage 7: models."""

import dagster as dg

from assets.materialize import run_and_describe
from assets.resources import MusqaResource
from musqa_pipeline.models.pictures import plot_curves


@dg.asset(
    deps=["spectrograms"],
    group_name="training",
    kinds={"torch", "lightning"},
    owners=["team:musqa"],
    code_version="1",
)
def models(musqa: MusqaResource) -> dg.MaterializeResult:
    """Networks trained on the spectrograms, on a GPU when there is one; resumed after a kill."""
    place = musqa.joint_context()
    return run_and_describe(musqa, place, "models", picture=plot_curves)
