"""Boosted trees of a release: fitted where its networks are trained, and stored beside them."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import torch

from musqa_pipeline.audio.features.descriptors import DESCRIPTORS
from musqa_pipeline.learning.baselines.simple import boosted_model, described
from musqa_pipeline.learning.data.loader import iter_rows
from musqa_pipeline.learning.data.shards import ImageShards
from musqa_pipeline.learning.networks.boosted_trees import BoostedTrees, from_sklearn
from musqa_pipeline.learning.training.checkpoint import read_weights
from musqa_pipeline.scoring.model_file import features_of
from musqa_pipeline.stages.spectrograms.features.rows import KEYS, POINTS

_AT_ONCE = 1_024


def with_heard_features(rows: pl.DataFrame, images: ImageShards) -> pl.DataFrame:
    """Give rows the features that the scorer computes of their images, in place of the stored."""
    found = [
        (*key, *features_of(image).tolist())
        for batch in iter_rows(images, _AT_ONCE)
        for *key, image in zip(batch.catalogs, batch.degraded_ids, batch.cells, strict=True)
    ]
    heard = pl.DataFrame(found, schema=[*KEYS, *DESCRIPTORS], orient="row")
    return rows.drop(DESCRIPTORS).join(heard, on=KEYS, how="left", maintain_order="left")


def boosted_trees(rows: pl.DataFrame, seed: int) -> BoostedTrees:
    """Fit boosted trees on the descriptive features of rows; they predict quality, 0-1."""
    trees = from_sklearn(boosted_model(rows, seed))
    trees.value_tl /= POINTS
    trees.base /= POINTS
    return trees


def predict_boosted(trees: BoostedTrees | None, rows: pl.DataFrame) -> list[float | None]:
    """Predict the quality of rows; None where there are no trees."""
    if trees is None:
        return [None] * rows.height
    features = torch.from_numpy(described(rows))
    with torch.inference_mode():
        return [quality for some in features.split(_AT_ONCE) for quality in trees(some).tolist()]


def read_trees(file: Path) -> BoostedTrees:
    """Read trees that were stored with a training."""
    state = read_weights(file)
    trees = BoostedTrees(*state["way_tdl"].shape)
    trees.load_state_dict(state)
    return trees
