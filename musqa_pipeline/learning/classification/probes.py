"""Logistic regression on features of images, as a probe of what they say of classes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from musqa_pipeline.learning.classification.neighbours import Classified, chosen_by
from musqa_pipeline.learning.classification.rounds import Round

PENALTIES = tuple(10.0**power for power in range(-6, 2))
"""C, among which validation chooses; 1 / C weighs the squares of coefficients."""
MOST_STEPS = 2000
_LEAST = 1e-9
"""Of the largest eigenvalue; directions below it hold rounding."""


def logistic_regression(
    features: NDArray[np.floating],
    label: ArrayLike,
    rounds: Sequence[Round],
    penalties: Sequence[float] = PENALTIES,
) -> Classified:
    """Fit a logistic regression to standardised features, its penalty chosen on validation.

    Parameters
    ----------
    features : ndarray of float, shape (rows, features)
        Standardised here, by the rows that train.
    label : array_like of int, shape (rows,)
        Classes from 0.
    rounds : sequence of Round
    penalties : sequence of float
        Values of C, the lowest of equally good ones is taken.

    Returns
    -------
    Classified
    """
    labels = np.asarray(label)
    votes = np.full((len(penalties), len(labels)), -1)
    answers = votes.copy()
    for each in rounds:
        train, validation, test = in_span(
            *(features[rows] for rows in (each.train, each.validation, each.test))
        )
        for number, penalty in enumerate(penalties):
            judge = LogisticRegression(C=penalty, max_iter=MOST_STEPS)
            judge.fit(train, labels[each.train])
            votes[number, each.validation] = judge.predict(validation)
            answers[number, each.test] = judge.predict(test)
    return chosen_by(votes, answers, labels, rounds, penalties)


def in_span(
    train: NDArray[np.floating], *others: NDArray[np.floating]
) -> list[NDArray[np.float64]]:
    """Standardise rows and turn them into as many coordinates as the rows that train span.

    A penalty on squares leaves coefficients no part outside that span, and a turn leaves squares as
    they are: the regression stays the same, with at most as many coefficients as rows.

    Parameters
    ----------
    train : ndarray of float, shape (rows, features)
    *others : ndarray of float, shape (rows, features)

    Returns
    -------
    list of ndarray of float64, shape (rows, coordinates)
        Of all, in their order.
    """
    scaler = StandardScaler().fit(train.astype(np.float64))
    standard = scaler.transform(train.astype(np.float64))
    values, vectors = np.linalg.eigh(standard @ standard.T)
    kept = values > _LEAST * max(float(values[-1]), 1e-30)
    if not kept.any():  # nothing varies
        return [np.zeros((len(part), 1)) for part in (train, *others)]
    turned = standard.T @ (vectors[:, kept] / np.sqrt(values[kept]))
    parts = (scaler.transform(part.astype(np.float64)) for part in others)
    return [standard @ turned, *(part @ turned for part in parts)]


def guesses(label: ArrayLike, rounds: Sequence[Round], seed: int) -> Classified:
    """Guess classes as often as they occur in training: the stratified dummy.

    Parameters
    ----------
    label : array_like of int, shape (rows,)
    rounds : sequence of Round
    seed : int
        Of the guesses.

    Returns
    -------
    Classified
        Nothing is chosen.
    """
    labels = np.asarray(label)
    predicted = np.full(len(labels), -1, np.int64)
    for each in rounds:
        judge = DummyClassifier(strategy="stratified", random_state=seed)
        judge.fit(np.zeros((len(each.train), 1)), labels[each.train])
        predicted[each.test] = judge.predict(np.zeros((len(each.test), 1)))
    return Classified(predicted, [], [])
