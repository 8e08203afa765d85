"""Boosted trees in torch predict what scikit-learn predicts."""

import numpy as np
import pytest
import torch
from sklearn.ensemble import HistGradientBoostingRegressor

from musqa_pipeline.learning.networks.boosted_trees import (
    HALF_WIDTH_STEPS,
    from_sklearn,
    mixed,
    spread,
)
from musqa_pipeline.learning.networks.musqa_net import MusqaNet

STEPS = MusqaNet().step_q


def rows(n=600, n_features=12, seed=0, decimals=None):
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((n, n_features)).astype(np.float32)
    x = x if decimals is None else np.round(x, decimals)
    return x, np.sin(x[:, 0]) + x[:, 1] * (x[:, 2] > 0) + 0.1 * rng.standard_normal(n)


@pytest.mark.parametrize("options", [{}, {"max_leaf_nodes": 2}, {"max_depth": 3, "max_iter": 7}])
@pytest.mark.parametrize("decimals", [None, 1])
def test_it_predicts_what_the_regressor_does(options, decimals):
    x, y = rows(decimals=decimals)
    model = HistGradientBoostingRegressor(random_state=0, **options).fit(x, y)
    trees = from_sklearn(model)
    # Rows at the thresholds themselves, where one float more would go the other way.
    ends = np.concatenate([t.nodes["num_threshold"] for (t,) in model._predictors])
    edges = np.resize(ends, x.shape).astype(np.float32)
    for asked in (x, rows(seed=1)[0], edges, np.zeros((1, x.shape[1]), np.float32)):
        expected = model.predict(asked)
        np.testing.assert_allclose(trees(torch.from_numpy(asked)), expected, atol=2e-5)
    assert np.ptp(model.predict(x)) > 0.3


def test_its_state_is_all_there_is_of_it():
    x, y = rows()
    trees = from_sklearn(HistGradientBoostingRegressor(max_iter=5).fit(x, y))
    other = type(trees)(*trees.way_tdl.shape)
    other.load_state_dict(trees.state_dict())
    seen = torch.from_numpy(x)
    assert torch.equal(trees(seen), other(seen))
    assert not list(trees.parameters())


def test_a_regressor_that_saw_one_label_predicts_it():
    x, _ = rows(60)
    trees = from_sklearn(HistGradientBoostingRegressor(max_iter=3).fit(x, np.full(60, 0.25)))
    np.testing.assert_allclose(trees(torch.from_numpy(x)), 0.25, atol=1e-6)


def test_a_point_becomes_a_triangle_with_its_mean():
    points = torch.tensor([0.0, 0.02, 0.1, 0.333, 0.5, 0.8, 0.93, 0.95])
    shares = spread(points, STEPS)
    assert shares.min() >= 0
    np.testing.assert_allclose(shares.sum(1), 1, atol=1e-5)
    np.testing.assert_allclose(shares @ STEPS, points, atol=1e-5)
    deviation = (shares @ STEPS.square() - (shares @ STEPS).square()).clamp(min=0).sqrt()
    assert deviation[4] == pytest.approx(HALF_WIDTH_STEPS * float(STEPS[1]) / 6**0.5, rel=0.02)
    assert deviation[4] == deviation.max()


def test_what_lies_outside_the_steps_is_their_end():
    np.testing.assert_allclose(spread(torch.tensor([-0.3, 1.7]), STEPS) @ STEPS, [0, 0.95])


def test_a_mixture_has_the_weighted_mean():
    said = torch.softmax(torch.arange(80.0).reshape(2, 40) % 7, dim=1)
    points = torch.tensor([0.3, 0.6])
    both = mixed(said, points, STEPS, 0.4)
    np.testing.assert_allclose(both.sum(1), 1, atol=1e-6)
    np.testing.assert_allclose(both @ STEPS, 0.6 * (said @ STEPS) + 0.4 * points, atol=1e-5)
    assert torch.equal(mixed(said, points, STEPS, 0.0), said)
