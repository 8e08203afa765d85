"""A constant, the upper band edge alone, and gradient boosting on descriptive features.

To ViSQOL quality is first of all bandwidth, so one number read off the spectrum goes a long way;
a network that does not beat it has learned nothing else. What can be had without a network is
boosted: many small steps and few leaves, because a recording's rows are no independent evidence and
deep trees learn songs. The settings are common ones and were not searched for
(`docs/musqa_net.md`). All see the labels of the training and validation parts only.
"""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.isotonic import IsotonicRegression
from threadpoolctl import threadpool_limits

from musqa_pipeline.audio.features.descriptors import DESCRIPTORS
from musqa_pipeline.core.errors import StageError
from musqa_pipeline.core.seeds import derive_seed
from musqa_pipeline.learning.baselines.registry import Predictor

N_TREES = 400
LEARNING_RATE = 0.06
N_LEAVES = 16
LEAST_ROWS_OF_A_LEAF = 30
L2_REGULARIZATION = 5.0
FEATURE_FRACTION = 0.2
"""Features looked at for each split."""


def training_labels(rows: pl.DataFrame) -> NDArray[np.float64]:
    """Return the labels that a baseline is fitted on; `StageError` if there are no rows."""
    if rows.is_empty():
        raise StageError("no training labels: the baselines need some; run the dataset stage again")
    return rows["label"].to_numpy().astype(np.float64)


def fit_mean(rows: pl.DataFrame, seed: int = 0) -> Predictor:
    """Fit a constant, which predicts the mean label whatever it hears; see `BaselineEntry.fit`."""
    mean = float(training_labels(rows).mean())
    return lambda asked: np.full(asked.height, mean)


def fit_upper_edge(rows: pl.DataFrame, seed: int = 0) -> Predictor:
    """Fit label over `upper_edge_hz` by isotonic regression; see `BaselineEntry.fit`.

    A wider band is never worse: the line rises, and is constant beyond its ends.
    """
    fitted = IsotonicRegression(out_of_bounds="clip").fit(_edges_hz(rows), training_labels(rows))
    knots_hz, knots = fitted.X_thresholds_, fitted.y_thresholds_
    return lambda asked: np.interp(_edges_hz(asked), knots_hz, knots)


def _edges_hz(rows: pl.DataFrame) -> NDArray[np.float64]:
    return rows["upper_edge_hz"].to_numpy().astype(np.float64)


def fit_boosted(rows: pl.DataFrame, seed: int) -> Predictor:
    """Fit on a column for each of `DESCRIPTORS`; see `BaselineEntry.fit`.

    The seed says which features each split looks at.
    """
    model = boosted_model(rows, seed)

    def predict(asked: pl.DataFrame) -> NDArray[np.float64]:
        with threadpool_limits(1):
            predicted: NDArray[np.float64] = model.predict(described(asked))
        return predicted

    return predict


def boosted_model(rows: pl.DataFrame, seed: int) -> HistGradientBoostingRegressor:
    """Return the regressor of `fit_boosted`, fitted; it eats what `described` gives."""
    labels = training_labels(rows)
    return boosted_on(described(rows), labels, seed)


def boosted_on(
    features: NDArray[np.floating], labels: NDArray[np.float64], seed: int
) -> HistGradientBoostingRegressor:
    """Return the regressor of `fit_boosted`, fitted on any features, shape (n, features)."""
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
        model.fit(features, labels)
    return model


def described(rows: pl.DataFrame) -> NDArray[np.float32]:
    """Return the columns of `DESCRIPTORS`, shape (n, 470)."""
    return rows.select(list(DESCRIPTORS)).to_numpy().astype(np.float32)
