"""Neighbours, hubs and ties on distances that can be followed by hand."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.neighbors import KNeighborsClassifier

from musqa_pipeline.learning.classification.neighbours import (
    hub_skewness,
    nearest_neighbours,
    tied_share,
)
from musqa_pipeline.learning.classification.rounds import Round
from musqa_pipeline.studies.statistics.classes import weighted_f1


def apart(places: np.ndarray) -> np.ndarray:
    return np.abs(places[:, None] - places).astype(np.float64)


def parts(n_train: int, n_validation: int, n: int) -> Round:
    rows = np.arange(n)
    ends = n_train, n_train + n_validation
    return Round(rows[: ends[0]], rows[ends[0] : ends[1]], rows[ends[1] :])


def test_k_is_chosen_on_validation_and_asked_of_the_test():
    # A stray 0 at 4.9 misleads a single neighbour of 5.0, and three neighbours are right.
    places = np.array([0.0, 0.2, 0.4, 4.9, 5.3, 5.4, 0.1, 5.0, 5.01, 0.3])
    label = np.array([0, 0, 0, 0, 1, 1, 0, 1, 1, 0])
    found = nearest_neighbours(apart(places), label, [parts(6, 2, 10)], most=5)
    assert found.chosen == [3]
    assert found.curve[0] == pytest.approx(1 / 3)
    assert found.curve[2] == 1
    assert found.predicted.tolist() == [-1] * 8 + [1, 0]


def test_it_is_scikit_learn_on_the_vectors_themselves():
    chance = np.random.default_rng(0)
    points, label = chance.standard_normal((60, 3)), chance.integers(0, 3, 60)
    points[:, 0] += label
    distance = np.linalg.norm(points[:, None] - points, axis=2)
    each = parts(30, 15, 60)
    found = nearest_neighbours(distance, label, [each])
    assert len(found.curve) == 20
    k = int(found.chosen[0])
    judge = KNeighborsClassifier(k).fit(points[each.train], label[each.train])
    assert found.predicted[each.test].tolist() == judge.predict(points[each.test]).tolist()
    right = weighted_f1(label[each.validation], judge.predict(points[each.validation]))
    assert found.curve[k - 1] == pytest.approx(right)
    assert right == max(found.curve)


def test_no_more_neighbours_are_asked_than_train():
    label = np.array([0, 1, 0, 1, 0, 1])
    found = nearest_neighbours(apart(np.arange(6.0)), label, [parts(2, 2, 6)])
    assert len(found.curve) == 2


def test_a_hub_is_seen():
    chance = np.random.default_rng(0)
    even = apart(np.arange(40.0))
    hub = np.full((40, 40), 2.0) + apart(chance.random(40))
    hub[0] = hub[:, 0] = 1.0
    assert abs(hub_skewness(even, k=2)) < 1.5
    assert hub_skewness(hub, k=1) > 5
    assert hub_skewness(np.ones((2, 2)), k=10) == 0


def test_ties_are_counted_by_pair():
    distance = np.array([[0, 1.0, 1.0], [1.0, 0, 2.0], [1.0, 2.0, 0]])
    assert tied_share(distance) == pytest.approx(2 / 3)
    assert tied_share(np.zeros((1, 1))) == 0
