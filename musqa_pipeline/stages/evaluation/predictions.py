"""From the lake to the predictions frame: test images through every finished network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from musqa_pipeline.catalogs.folder import COPY_TIER
from musqa_pipeline.core.errors import StageError
from musqa_pipeline.core.settings.models import ModelsSettings
from musqa_pipeline.learning.baselines.registry import BASELINES
from musqa_pipeline.learning.registry import find_model
from musqa_pipeline.stages.engine.context import Context
from musqa_pipeline.stages.evaluation.slices import HOLDOUT, PREDICTIONS_SCHEMA
from musqa_pipeline.stages.models.runs import read_preset_runs
from musqa_pipeline.stages.models.trials.stage import wants_trials
from musqa_pipeline.stages.spectrograms.features.rows import KEYS, POINTS, allowed_rows

if TYPE_CHECKING:
    from torch import nn

_BATCH_ROWS = 32


def read_runs(context: Context) -> list[dict[str, Any]]:
    """Read the table `runs` in the order in which the preset names its networks."""
    rows = read_preset_runs(context)
    if not rows:
        raise StageError("evaluation: there is no training run yet; run the stage models first")
    return rows


def read_predictions(
    context: Context, runs: Sequence[Mapping[str, Any]], rows: pl.DataFrame
) -> pl.DataFrame:
    """Predict the test rows with every finished network and with the baselines.

    There may be none if the preset asks for trials.
    """
    test = choose_test_rows(rows)
    if test.is_empty() and wants_trials(context):
        return pl.DataFrame(schema=PREDICTIONS_SCHEMA)
    if test.is_empty():
        raise StageError(
            "evaluation: the dataset has no test rows; give some recordings role=test in "
            'tracks.csv, add recordings, or use [dataset] protocol = "three_way"'
        )
    predicted = {
        **predict_networks(context, runs, test),
        **predict_baselines(rows, test, context.preset.models),
    }
    frames = [
        test.with_columns(
            protocol=pl.lit(HOLDOUT),
            variant=pl.lit(""),
            fold=pl.lit(""),
            model=pl.lit(name),
            repetition=pl.lit(0),
            predicted=pl.Series(values, dtype=pl.Float64),
        )
        for name, values in predicted.items()
    ]
    return pl.concat(frames).select(pl.col(n).cast(t) for n, t in PREDICTIONS_SCHEMA.items())


def choose_test_rows(rows: pl.DataFrame) -> pl.DataFrame:
    """Choose the rows that trained models are held against."""
    drawn = pl.col("uniform_draw") | pl.col("natural_mix")
    return rows.filter(pl.col("tier") != COPY_TIER, drawn, part="test")


def predict_baselines(
    rows: pl.DataFrame, test: pl.DataFrame, settings: ModelsSettings
) -> dict[str, np.ndarray]:
    """Fit the baselines on what networks may see, and predict the test rows."""
    seen = rows.filter((pl.col("part") != "test") & allowed_rows(settings))
    return {name: entry.fit(seen, 0)(test) for name, entry in BASELINES.items()}


def predict_networks(
    context: Context, runs: Sequence[Mapping[str, Any]], test: pl.DataFrame
) -> dict[str, np.ndarray]:
    """Let each finished network predict the test rows, reading every image once."""
    from musqa_pipeline.learning.predict import load_model

    by_stage: dict[str, dict[str, nn.Module]] = {}
    for run in runs:
        if run["finished"]:
            stage = find_model(run["model"]).input.stage
            network = load_model(
                context.lake.store.local_folder(run["folder"]), device=context.preset.models.device
            )
            by_stage.setdefault(stage, {})[run["model"]] = network
    found: dict[str, np.ndarray] = {}
    for stage, networks in by_stage.items():
        found.update(_predict_images(context, stage, networks, test.select(KEYS).rows()))
    return {run["model"]: found[run["model"]] for run in runs if run["finished"]}


def _predict_images(
    context: Context, stage: str, networks: Mapping[str, nn.Module], keys: list[tuple[str, str]]
) -> dict[str, np.ndarray]:
    from musqa_pipeline.learning.data.shards import ImageShards
    from musqa_pipeline.learning.predict import predict_rows
    from musqa_pipeline.stages.spectrograms.row_shards import shard_files

    shards = ImageShards(
        shard_files(context, stage), "chosen", keys=set(keys), memory_limit_bytes=0
    )
    if shards.n_rows != len(keys):
        raise StageError(
            f"evaluation: {len(keys) - shards.n_rows} of {len(keys)} test rows have no image; run "
            "the stages dataset and spectrograms again"
        )
    quality = predict_rows(networks, shards, keys, batch_size=_BATCH_ROWS)
    return {model: values * POINTS for model, values in quality.items()}
