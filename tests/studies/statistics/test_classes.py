"""Weighted F1 and confusions, against scikit-learn."""

import numpy as np
import pytest
import sklearn.metrics

from musqa_pipeline.studies.statistics.bootstrap import estimate, paired_difference
from musqa_pipeline.studies.statistics.classes import confusions, weighted_f1

CHANCE = np.random.default_rng(3)
TRUE = CHANCE.integers(0, 4, 60)
SAID = np.where(CHANCE.random(60) < 0.5, TRUE, CHANCE.integers(0, 5, 60))  # 4 is no true class


def test_they_equal_scikit_learn_s():
    wanted = sklearn.metrics.f1_score(TRUE, SAID, average="weighted", zero_division=0)
    assert weighted_f1(TRUE, SAID) == pytest.approx(wanted, abs=1e-12)
    assert (confusions(TRUE, SAID, 5) == sklearn.metrics.confusion_matrix(TRUE, SAID)).all()


def test_of_repetitions_it_is_the_mean():
    other = np.roll(SAID, 1)
    mean = (weighted_f1(TRUE, SAID) + weighted_f1(TRUE, other)) / 2
    assert weighted_f1(TRUE, np.stack([SAID, other], axis=1)) == pytest.approx(mean)
    assert weighted_f1([], []) is None


def test_intervals_and_differences_are_by_clip():
    clip = np.arange(60)
    found = estimate(weighted_f1, TRUE, SAID, clip, "f1", n_draws=300)
    assert found.low < found.value < found.high
    better = np.stack([TRUE, SAID], axis=1)
    apart = paired_difference(weighted_f1, TRUE, better, SAID[:, None], clip, "f1", n_draws=300)
    assert apart.value == pytest.approx((1 - weighted_f1(TRUE, SAID)) / 2)
    assert 0 < apart.low < apart.value < apart.high
