"""The picture that the Dagster UI shows beside the evaluation."""

from __future__ import annotations

from collections.abc import Collection

import polars as pl

from musqa_pipeline.core.errors import StageError
from musqa_pipeline.stages.engine.context import Context
from musqa_pipeline.stages.evaluation.stage import PREDICTIONS_FILE, report_folder
from musqa_pipeline.stages.evaluation.summary import shown_name
from musqa_pipeline.stages.models.recipes import random_backbones
from musqa_pipeline.studies.listening.table_vi_lines import RANDOM_MARK


def scatter_png(context: Context) -> bytes:
    """Plot prediction over label of the first network, a marker a recording."""
    path = report_folder(context) / PREDICTIONS_FILE
    if not path.is_file():
        raise StageError(f"{path} is not there; run the stage evaluation first")
    return draw_scatter(pl.read_parquet(path), random_backbones(context.preset.models))


def draw_scatter(predictions: pl.DataFrame, chance: Collection[str] = ()) -> bytes:
    """Plot prediction over label of the first model of a predictions frame.

    The picture says so if its backbone is random, as of those in `chance`.
    """
    from musqa_pipeline.stages.evaluation.plots import scatter
    from musqa_pipeline.studies.figures import house_style, to_png

    model = predictions["model"][0]
    rows = predictions.filter(pl.col("model") == model)
    drawn = rows.filter("uniform_draw") if rows["uniform_draw"].any() else rows
    with house_style("picture"):
        figure = scatter(drawn, legend=drawn["recording"].n_unique() <= 12)
        n = drawn["recording"].n_unique()
        name = shown_name(f"{model}{RANDOM_MARK}" if model in chance else model)
        figure.suptitle(f"{name}, {n} recordings it never met", fontsize=10)
        return to_png(figure)
