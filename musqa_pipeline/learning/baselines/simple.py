"""A constant, and the upper band edge alone.

To ViSQOL quality is first of all bandwidth, so one number read off the spectrum goes a long way;
a network that does not beat it has learned nothing else. Both see the labels of the training
and validation parts only.
"""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray
from sklearn.isotonic import IsotonicRegression

from musqa_pipeline.core.errors import StageError
from musqa_pipeline.learning.baselines.registry import Predictor


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
