"""A constant, and the upper band edge alone.

To ViSQOL quality is first of all bandwidth, so one number read off the spectrum goes a long way;
a network that does not beat it has learned nothing else. Both see the labels of the training
and validation parts only.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray
from sklearn.isotonic import IsotonicRegression

from musqa_pipeline.core.errors import StageError


@dataclass(frozen=True)
class MeanBaseline:
    """Predicts the mean label of the training part, whatever it hears."""

    mean: float
    """In the unit of the labels."""

    def predict(self, rows: pl.DataFrame) -> NDArray[np.float64]:
        """Predict one constant.

        Parameters
        ----------
        rows : polars.DataFrame
            Gives the number of rows and nothing else.

        Returns
        -------
        ndarray of float64, shape (rows,)
            The mean.
        """
        return np.full(rows.height, self.mean)


@dataclass(frozen=True)
class UpperEdgeBaseline:
    """Predicts from the upper edge of the spectrum: a rising line through its own knots."""

    knots_hz: NDArray[np.float64]
    """Edges, rising."""
    knots: NDArray[np.float64]
    """Predicted label at each, rising; linear between, constant beyond."""

    def predict(self, rows: pl.DataFrame) -> NDArray[np.float64]:
        """Predict the label from the edge.

        Parameters
        ----------
        rows : polars.DataFrame
            `upper_edge_hz` of each degraded spectrum.

        Returns
        -------
        ndarray of float64, shape (rows,)
            In the unit of the labels.
        """
        edge = rows["upper_edge_hz"].to_numpy().astype(np.float64)
        return np.interp(edge, self.knots_hz, self.knots)


def training_labels(rows: pl.DataFrame) -> NDArray[np.float64]:
    """Return the labels that a baseline is fitted on.

    Parameters
    ----------
    rows : polars.DataFrame
        Training rows: `label`.

    Returns
    -------
    ndarray of float64, shape (rows,)
        At least one.

    Raises
    ------
    StageError
        If there are no rows.
    """
    if rows.is_empty():
        raise StageError("no training labels: the baselines need some; run the dataset stage again")
    return rows["label"].to_numpy().astype(np.float64)


def fit_mean(rows: pl.DataFrame) -> MeanBaseline:
    """Fit the constant.

    Parameters
    ----------
    rows : polars.DataFrame
        Training rows: `label`.

    Returns
    -------
    MeanBaseline
        The predictor.

    Raises
    ------
    StageError
        If there are no rows.
    """
    values = training_labels(rows)
    return MeanBaseline(float(values.mean()))


def fit_upper_edge(rows: pl.DataFrame) -> UpperEdgeBaseline:
    """Fit label over upper edge by isotonic regression: a wider band is never worse.

    Parameters
    ----------
    rows : polars.DataFrame
        Rows that may be seen: `upper_edge_hz` of each degraded spectrum, and `label`.

    Returns
    -------
    UpperEdgeBaseline
        The predictor.

    Raises
    ------
    StageError
        If there are no rows.
    """
    edge = rows["upper_edge_hz"].to_numpy().astype(np.float64)
    values = training_labels(rows)
    fitted = IsotonicRegression(out_of_bounds="clip").fit(edge, values)
    return UpperEdgeBaseline(
        np.asarray(fitted.X_thresholds_, dtype=np.float64),
        np.asarray(fitted.y_thresholds_, dtype=np.float64),
    )
