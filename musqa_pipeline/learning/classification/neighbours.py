"""Nearest neighbours on distances of pairs, and what keeps a distance from being a good one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import scipy
from numpy.typing import ArrayLike, NDArray
from sklearn.neighbors import KNeighborsClassifier

from musqa_pipeline.learning.classification.rounds import Round
from musqa_pipeline.studies.statistics.classes import weighted_f1

MOST_NEIGHBOURS = 20
"""k is chosen from 1 to this (paper 003, figure 2)."""
HUB_NEIGHBOURS = 10
"""Nearest neighbours whose occurrences are counted [1]_."""
Floats = NDArray[np.float64]


class Classified(NamedTuple):
    """Predictions of rows that were tested, with what was chosen on others."""

    predicted: NDArray[np.int64]
    """Shape (rows,); -1 where a row was never tested."""
    chosen: list[float]
    """k, or C, of each round."""
    curve: list[float]
    """Weighted F1 of all rows that choose, for each value in turn."""


def nearest_neighbours(
    distance: Floats, label: ArrayLike, rounds: Sequence[Round], most: int = MOST_NEIGHBOURS
) -> Classified:
    """Tell classes by the most frequent one among the nearest rows that train.

    Parameters
    ----------
    distance : ndarray of float64, shape (rows, rows)
    label : array_like of int, shape (rows,)
        Classes from 0. Where votes are equal, the lowest class wins.
    rounds : sequence of Round
    most : int
        Largest number of neighbours that is tried; fewer where fewer rows train.

    Returns
    -------
    Classified
        Chosen is the number of neighbours with the highest weighted F1 on validation, the lowest of
        equal ones.
    """
    labels = np.asarray(label)
    most = min(most, *(len(each.train) for each in rounds))
    votes = np.full((most, len(labels)), -1)
    answers = np.full((most, len(labels)), -1)
    for each in rounds:
        for k in range(1, most + 1):
            judge = KNeighborsClassifier(k, metric="precomputed")
            judge.fit(distance[np.ix_(each.train, each.train)], labels[each.train])
            for rows, kept in ((each.validation, votes), (each.test, answers)):
                kept[k - 1, rows] = judge.predict(distance[np.ix_(rows, each.train)])
    return chosen_by(votes, answers, labels, rounds, range(1, most + 1))


def chosen_by(
    votes: NDArray[np.int64],
    answers: NDArray[np.int64],
    labels: NDArray[np.generic],
    rounds: Sequence[Round],
    values: Sequence[float],
) -> Classified:
    """Choose a value in each round by weighted F1 on validation, and keep its answers.

    Parameters
    ----------
    votes, answers : ndarray of int64, shape (values, rows)
        What was predicted of rows when they chose, and when they were tested.
    labels : ndarray of int, shape (rows,)
    rounds : sequence of Round
    values : sequence of float
        What is chosen from.

    Returns
    -------
    Classified
    """
    predicted, chosen = np.full(len(labels), -1, np.int64), []
    for each in rounds:
        scores = [weighted_f1(labels[each.validation], vote[each.validation]) for vote in votes]
        best = int(np.argmax([-1.0 if score is None else score for score in scores]))
        chosen.append(float(values[best]))
        predicted[each.test] = answers[best, each.test]
    asked = np.concatenate([each.validation for each in rounds])
    curve = [float(weighted_f1(labels[asked], vote[asked]) or 0.0) for vote in votes]
    return Classified(predicted, chosen, curve)


def hub_skewness(distance: Floats, k: int = HUB_NEIGHBOURS) -> float:
    """Measure how unequally often rows are among the nearest of others [1]_.

    Parameters
    ----------
    distance : ndarray of float64, shape (rows, rows)
        Its diagonal is not looked at.
    k : int
        Nearest neighbours of each row; fewer where there are fewer others.

    Returns
    -------
    float
        Skewness of the k-occurrences: 0 where they spread evenly, above 1 where few rows, the hubs,
        are neighbours of very many.

    References
    ----------
    .. [1] M. Radovanović, A. Nanopoulos, M. Ivanović, "Hubs in space: popular nearest neighbors in
       high-dimensional data", JMLR 11, 2010, equation 1.
    """
    n = len(distance)
    others = distance + np.diag(np.full(n, np.inf))
    nearest = np.argsort(others, axis=1, kind="stable")[:, : min(k, n - 1)]
    counts = np.bincount(nearest.ravel(), minlength=n)
    return float(scipy.stats.skew(counts)) if counts.std() > 0 else 0.0


def tied_share(distance: Floats) -> float:
    """Return the share of pairs whose distance another pair has, too, in [0, 1].

    Parameters
    ----------
    distance : ndarray of float64, shape (rows, rows)
        Symmetric; each pair is looked at once.

    Returns
    -------
    float
    """
    pairs = distance[np.triu_indices(len(distance), 1)]
    _, which, counts = np.unique(pairs, return_inverse=True, return_counts=True)
    return float((counts[which] > 1).mean()) if len(pairs) else 0.0
