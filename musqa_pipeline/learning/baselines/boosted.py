"""Gradient boosting on descriptive features: what can be had without a network.

Many small steps and few leaves, because a recording's rows are no independent evidence and deep
trees learn songs. The settings are common ones and were not searched for (`docs/musqa_net.md`).
"""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingRegressor
from threadpoolctl import threadpool_limits

from musqa_pipeline.audio.features.descriptors import DESCRIPTORS
from musqa_pipeline.core.seeds import derive_seed
from musqa_pipeline.learning.baselines.registry import Predictor
from musqa_pipeline.learning.baselines.simple import training_labels

N_TREES = 400
LEARNING_RATE = 0.06
N_LEAVES = 16
LEAST_ROWS_OF_A_LEAF = 30
L2_REGULARIZATION = 5.0
FEATURE_FRACTION = 0.2
"""Features looked at for each split."""


def fit_boosted(rows: pl.DataFrame, seed: int) -> Predictor:
    """Fit on a column for each of `DESCRIPTORS`; see `BaselineEntry.fit`.

    The seed says which features each split looks at.
    """
    labels = training_labels(rows)
    model = HistGradientBoostingRegressor(
        max_iter=N_TREES,
        learning_rate=LEARNING_RATE,
        max_leaf_nodes=N_LEAVES,
        min_samples_leaf=LEAST_ROWS_OF_A_LEAF,
        l2_regularization=L2_REGULARIZATION,
        max_features=FEATURE_FRACTION,
        # Its own early stopping would divide songs, not recordings.
        early_stopping=False,
        random_state=derive_seed("baselines.boosted", seed) % 2**32,
    )
    with threadpool_limits(1):
        model.fit(_features(rows), labels)

    def predict(asked: pl.DataFrame) -> NDArray[np.float64]:
        with threadpool_limits(1):
            predicted: NDArray[np.float64] = model.predict(_features(asked))
        return predicted

    return predict


def _features(rows: pl.DataFrame) -> NDArray[np.float32]:
    return rows.select(list(DESCRIPTORS)).to_numpy().astype(np.float32)
