"""Third-order mappings: the monotone one of ITU-T P.1401, by least squares, and the free one.

Before objective scores are compared with opinions, P.1401 (2020, clause 7.3.2) maps them by a
cubic that may not fall within the range of the data. It leaves open how the constraint is met.
Here: the cubics that do not fall on an interval form a convex cone, whose edges are known (below),
and the least squares over a cone is a problem with non-negative weights, which SciPy solves. So
the mapping is monotone exactly, not at test points, and it is the best one. Papers that leave the
constraint out are met by `fit_cubic`, whose cubic may fall.

The cone: scaled to [-1, 1], a derivative of second degree is nowhere negative exactly if it is a
sum of squares (t - s)², s in [-1, 1], and of 1 - t², with weights of 0 or more (Lukács; G. Szegő,
Orthogonal Polynomials, theorem 1.21.1). The places s are a grid, refined about those in use.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import nnls

from musqa_pipeline.studies.statistics.metrics import checked_pair, is_constant

N_COEFFICIENTS = 4
"""What the mapping takes off the degrees of freedom (`n_fitted`)."""
MIN_ROWS = N_COEFFICIENTS + 1
_GRID = 101
_REFINEMENTS = 4


@dataclass(frozen=True)
class Cubic:
    """A cubic between `low` and `high`."""

    coefficients: tuple[float, float, float, float]
    """Of 1, t, t², t³, where t runs from -1 at `low` to 1 at `high`."""
    low: float
    high: float
    """The range of the predictions it was fitted to."""

    def __call__(self, predicted: ArrayLike) -> NDArray[np.float64]:
        """Map predictions to the unit of the labels.

        Outside [low, high], where nothing is known of the cubic, the nearest end counts.
        """
        x = np.clip(np.asarray(predicted, dtype=np.float64), self.low, self.high)
        t = (2.0 * x - self.low - self.high) / (self.high - self.low)
        return np.polyval(self.coefficients[::-1], t).astype(np.float64)


class MonotoneCubic(Cubic):
    """A cubic that does not fall between `low` and `high`."""


def fit_cubic(label: ArrayLike, predicted: ArrayLike) -> Cubic | None:
    """Fit the mapping from predictions to labels that paper 004 uses: a cubic without constraint.

    It makes a correlation of mere noise where it is judged on the rows it was fitted to; see
    `musqa_pipeline.studies.statistics.mapping_null`.

    Parameters
    ----------
    label, predicted : array_like of float, shape (rows,)
        Opinions, and what was predicted of them.

    Returns
    -------
    Cubic or None
        The cubic with the least squared error, which may fall. None with fewer than `MIN_ROWS`
        rows or constant predictions.

    Raises
    ------
    ValueError
        If the shapes differ or a value is not finite.
    """
    y, x = checked_pair(label, predicted)
    if len(x) < MIN_ROWS or is_constant(x):
        return None
    low, high, powers = _powers(x)
    best = np.linalg.lstsq(powers, y, rcond=None)[0]
    return Cubic(tuple(float(c) for c in best), low, high)  # type: ignore[arg-type]


def fit_monotone_cubic(label: ArrayLike, predicted: ArrayLike) -> MonotoneCubic | None:
    """Fit the mapping from predictions to labels.

    Parameters
    ----------
    label, predicted : array_like of float, shape (rows,)
        Opinions, and what was predicted of them.

    Returns
    -------
    MonotoneCubic or None
        The non-falling cubic with the least squared error. None with fewer than `MIN_ROWS` rows
        or constant predictions. Where predictions run against the labels it is a constant.

    Raises
    ------
    ValueError
        If the shapes differ or a value is not finite.
    """
    y, x = checked_pair(label, predicted)
    if len(x) < MIN_ROWS or is_constant(x):
        return None
    low, high, powers = _powers(x)
    mean_power, mean_label = powers.mean(axis=0), y.mean()
    # Same least squares with as many rows as coefficients, whatever the size of the grid.
    rotation, triangle = np.linalg.qr(powers - mean_power)
    target = rotation.T @ (y - mean_label)
    best = np.zeros(N_COEFFICIENTS)
    places = np.linspace(-1.0, 1.0, _GRID)
    for _ in range(_REFINEMENTS):
        edges = _edges(places)
        weights, _rest = nnls(triangle @ edges, target)
        best = edges @ weights
        places = _finer(places, weights[:-1])
    best[0] = mean_label - best[1:] @ mean_power[1:]
    return MonotoneCubic(tuple(float(c) for c in best), low, high)  # type: ignore[arg-type]


def _powers(x: NDArray[np.float64]) -> tuple[float, float, NDArray[np.float64]]:
    """Return the ends of predictions, and powers 0 to 3 of where they lie from -1 to 1."""
    low, high = float(x.min()), float(x.max())
    t = (2.0 * x - low - high) / (high - low)
    return low, high, np.vander(t, N_COEFFICIENTS, increasing=True)


def _edges(places: NDArray[np.float64]) -> NDArray[np.float64]:
    """Integrate the edges of the cone: coefficients as columns, shape (4, places + 1)."""
    none = np.zeros_like(places)
    squares = np.stack([none, places**2, -places, none + 1.0 / 3.0])
    return np.concatenate([squares, [[0.0], [1.0], [0.0], [-1.0 / 3.0]]], axis=1)


def _finer(places: NDArray[np.float64], weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """Keep the places in use and look between their neighbours."""
    used: list[int] = np.flatnonzero(weights > 0).tolist()
    parts = [np.array([-1.0, 1.0]), places[used]]
    for i in used:
        left, right = places[max(i - 1, 0)], places[min(i + 1, len(places) - 1)]
        parts.append(np.linspace(left, right, _GRID // 2))
    return np.unique(np.concatenate(parts))
