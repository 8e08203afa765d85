"""Probes: the regression that scikit-learn fits to all features, chosen on validation."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from musqa_pipeline.learning.classification.features import SquareComponents, band_features
from musqa_pipeline.learning.classification.probes import (
    guesses,
    in_span,
    logistic_regression,
)
from musqa_pipeline.learning.classification.rounds import Round

CHANCE = np.random.default_rng(5)
LABEL = CHANCE.integers(0, 3, 90)
FEATURES = CHANCE.standard_normal((90, 200)) * CHANCE.uniform(0.1, 9, 200)
FEATURES[:, :60] += 9 * np.repeat(np.eye(3), 20, axis=1)[LABEL]
FEATURES[:, 7] = 4.0  # as the latents of a silent band
EACH = Round(np.arange(30), np.arange(30, 60), np.arange(60, 90))


def test_it_is_the_regression_on_all_features():
    found = logistic_regression(FEATURES, LABEL, [EACH])
    (penalty,) = found.chosen
    judge = make_pipeline(StandardScaler(), LogisticRegression(C=penalty, max_iter=2000, tol=1e-8))
    judge.fit(FEATURES[EACH.train], LABEL[EACH.train])
    assert found.predicted[EACH.test].tolist() == judge.predict(FEATURES[EACH.test]).tolist()
    assert (found.predicted[:60] == -1).all()
    assert max(found.curve) > 0.5


def test_products_of_rows_stay_as_they_are():
    train, others = FEATURES[:30], FEATURES[30:]
    turned, turned_others = in_span(train, others)
    assert turned.shape[1] <= 29
    scaler = StandardScaler().fit(train)
    np.testing.assert_allclose(
        turned_others @ turned.T, scaler.transform(others) @ scaler.transform(train).T, atol=1e-8
    )


def test_features_that_never_vary_say_nothing():
    found = logistic_regression(np.ones((90, 4)), LABEL, [EACH])
    assert len(set(found.predicted[EACH.test].tolist())) == 1


def test_guesses_follow_the_shares_of_training():
    label = np.r_[np.zeros(80), np.ones(20), np.zeros(1000)].astype(int)
    each = Round(np.arange(100), np.arange(0), np.arange(100, 1100))
    found = guesses(label, [each], seed=0)
    assert found.predicted[100:].mean() == pytest.approx(0.2, abs=0.04)
    assert guesses(label, [each], seed=0).predicted.tolist() == found.predicted.tolist()


def test_bands_are_described_by_mean_and_deviation():
    images = torch.rand(3, 1, 16, 40)
    found = band_features(images)
    np.testing.assert_allclose(found[:, :16], images[:, 0].mean(dim=2), rtol=1e-5)
    np.testing.assert_allclose(found[:, 16:], images[:, 0].numpy().std(axis=2), rtol=1e-4)


def test_components_of_squares_are_scikit_learn_s():
    images = torch.rand(2, 1, 16, 24)
    latents = SquareComponents(images, 5).encode(images)
    assert latents.shape == (2, 5, 2, 3)
    squares = [
        image[0, 8 * f : 8 * f + 8, 8 * t : 8 * t + 8].flatten().double().numpy()
        for image in images for f in range(2) for t in range(3)
    ]  # fmt: skip
    wanted = PCA(5, svd_solver="full").fit(squares).transform(squares)
    np.testing.assert_allclose(
        latents.permute(0, 2, 3, 1).reshape(-1, 5).numpy(), wanted, atol=1e-8
    )


def test_of_very_many_squares_some_are_looked_at(monkeypatch):
    monkeypatch.setattr("musqa_pipeline.learning.classification.features.MOST_SQUARES", 8)
    images = torch.rand(4, 1, 16, 24)
    one, same, other = (SquareComponents(images, 3, seed).encode(images) for seed in (0, 0, 1))
    assert torch.equal(one, same)
    assert not torch.equal(one, other)
