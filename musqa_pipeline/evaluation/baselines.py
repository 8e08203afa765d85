"""Two predictors that any network must beat: a constant, and the upper band edge alone.

To ViSQOL quality is first of all bandwidth, so one number read off the spectrum goes a long way;
a network that does not beat it has learned nothing else. Both see the labels of the training
and validation parts only.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.isotonic import IsotonicRegression

from musqa_pipeline.errors import StageError

BASELINES = ("mean", "upper_edge")
"""Names of the baselines in the table `evaluations`."""


@dataclass(frozen=True)
class MeanBaseline:
    """Predicts the mean label of the training part, whatever it hears."""

    mean: float
    """In the unit of the labels."""

    def predict(self, upper_edge_hz: ArrayLike) -> NDArray[np.float64]:
        """Predict one constant.

        Parameters
        ----------
        upper_edge_hz : array_like of float, shape (rows,)
            Gives the number of rows and nothing else.

        Returns
        -------
        ndarray of float64, shape (rows,)
            The mean.
        """
        return np.full(len(np.asarray(upper_edge_hz)), self.mean)


@dataclass(frozen=True)
class UpperEdgeBaseline:
    """Predicts from the upper edge of the spectrum: a rising line through its own knots."""

    knots_hz: NDArray[np.float64]
    """Edges, rising."""
    knots: NDArray[np.float64]
    """Predicted label at each, rising; linear between, constant beyond."""

    def predict(self, upper_edge_hz: ArrayLike) -> NDArray[np.float64]:
        """Predict the label from the edge.

        Parameters
        ----------
        upper_edge_hz : array_like of float, shape (rows,)
            Upper edge of each degraded spectrum in hertz.

        Returns
        -------
        ndarray of float64, shape (rows,)
            In the unit of the labels.
        """
        return np.interp(np.asarray(upper_edge_hz, dtype=np.float64), self.knots_hz, self.knots)


def fit_mean(label: ArrayLike) -> MeanBaseline:
    """Fit the constant.

    Parameters
    ----------
    label : array_like of float, shape (rows,)
        Labels of the training part.

    Returns
    -------
    MeanBaseline
        The predictor.

    Raises
    ------
    StageError
        If there are no rows.
    """
    values = np.asarray(label, dtype=np.float64)
    if not len(values):
        raise StageError("no training labels: the baselines need some; run the dataset stage again")
    return MeanBaseline(float(values.mean()))


def fit_upper_edge(upper_edge_hz: ArrayLike, label: ArrayLike) -> UpperEdgeBaseline:
    """Fit label over upper edge by isotonic regression: a wider band is never worse.

    Parameters
    ----------
    upper_edge_hz : array_like of float, shape (rows,)
        Upper edge of each degraded spectrum in hertz, training and validation parts.
    label : array_like of float, shape (rows,)
        Their labels.

    Returns
    -------
    UpperEdgeBaseline
        The predictor.

    Raises
    ------
    StageError
        If there are no rows.
    """
    edge = np.asarray(upper_edge_hz, dtype=np.float64)
    values = np.asarray(label, dtype=np.float64)
    if not len(values):
        raise StageError("no training labels: the baselines need some; run the dataset stage again")
    fitted = IsotonicRegression(out_of_bounds="clip").fit(edge, values)
    return UpperEdgeBaseline(
        np.asarray(fitted.X_thresholds_, dtype=np.float64),
        np.asarray(fitted.y_thresholds_, dtype=np.float64),
    )
