"""The distance from the training data, on numbers whose cloud is known."""

import numpy as np
import pytest
import torch

from musqa_pipeline.core.errors import LakeError
from musqa_pipeline.learning.networks.musqa_net import statistics
from musqa_pipeline.release.model.calibration import vote_weights, weighted_quantile
from musqa_pipeline.release.model.domain import (
    BEYOND,
    FARTHEST,
    N_COMPONENTS,
    DomainDistance,
    Scale,
    fit_domain,
    fit_scale,
    measures,
    pooled,
    read_domain,
    scaled,
    write_domain,
)

N_FEATURES = 10 * 64


@pytest.fixture(scope="module")
def seen():
    """What a network sees of made-up music: forty directions, the first ones wide."""
    rng = np.random.default_rng(2)
    directions = rng.standard_normal((40, 10, 256)) / np.sqrt(2560)
    amounts = rng.standard_normal((600, 40)) * np.linspace(6, 0.5, 40)
    return (np.einsum("nk,kcb->ncb", amounts, directions) + 0.3).astype(np.float32)


@pytest.fixture(scope="module")
def domain(seen):
    return fit_domain(seen[:400])


def test_the_distance_is_mahalanobis_under_the_fitted_covariance(seen, domain):
    """An oracle with the whole covariance matrix, written out."""
    rows = pooled(torch.from_numpy(seen)).numpy().astype(np.float64)
    train = rows[:400]
    variances, directions = np.linalg.eigh(np.cov(train, rowvar=False, bias=True))
    inside, rest = directions[:, -N_COMPONENTS:], variances[:-N_COMPONENTS].mean()
    centred = rows[400:] - train.mean(axis=0)
    along = centred @ inside
    square = (along**2 / variances[-N_COMPONENTS:]).mean(axis=1)
    off = (centred**2).sum(axis=1) - (along**2).sum(axis=1)
    expected = np.sqrt(square + off / rest / (N_FEATURES - N_COMPONENTS))
    np.testing.assert_allclose(measures(domain, seen[400:])[0], expected, rtol=2e-3)


def test_rows_in_another_order_give_the_same_cloud(seen, domain):
    again = fit_domain(np.ascontiguousarray(seen[:400][::-1]))
    np.testing.assert_allclose(measures(again, seen)[0], measures(domain, seen)[0], rtol=5e-3)


def test_what_is_off_all_directions_of_the_training_is_far(seen, domain):
    rng = np.random.default_rng(3)
    odd = seen[:20] + rng.standard_normal((20, 10, 256)).astype(np.float32)
    near, far = measures(domain, seen[400:])[0], measures(domain, odd)[0]
    assert far.min() > 2 * near.max()


def test_constant_training_data_divide_by_no_zero():
    flat = fit_domain(np.ones((50, 10, 256), np.float32))
    cloud, _ = measures(flat, np.ones((1, 10, 256), np.float32))
    assert np.isfinite(cloud).all()


def test_levels_that_stand_still_are_far_whatever_the_cloud_says():
    """Swing: 12 dB where a band moves so much, near 0 where it does not, floors left out."""
    cells = torch.full((2, 31, 4, 256), 140.0)
    cells[0, ::2, :, :] += 24  # half a decibel a cell
    cells[:, :, :, 128:] = 0  # nothing there
    seen = statistics(cells.flatten(2) / 255).numpy()
    _, swing = measures(fit_domain(seen), seen)
    assert swing == pytest.approx([12.0, 0.0], abs=0.01)
    assert scaled(np.ones(2), swing, Scale(2.0, 6.0)) == pytest.approx([0.5, FARTHEST], rel=1e-3)


def test_the_graph_takes_the_larger_measure_and_scales_it(seen, domain):
    scale = Scale(cloud=2.5, swing_db=4.0)
    with torch.inference_mode():
        found = DomainDistance(domain, scale)(torch.from_numpy(seen)).numpy()
    np.testing.assert_allclose(found, scaled(*measures(domain, seen), scale), rtol=1e-5)


def test_the_scale_leaves_few_recordings_rows_beyond():
    rng = np.random.default_rng(4)
    groups = rng.integers(0, 40, 5_000).astype(str)
    weight = vote_weights(groups.tolist())
    cloud, swing = rng.gamma(4, size=5_000), rng.gamma(9, size=5_000)
    distance = scaled(cloud, swing, fit_scale(cloud, swing, weight))
    beyond = weight[distance > 1].sum() / weight.sum()
    assert BEYOND / 4 < beyond <= BEYOND


def test_recordings_vote_alike():
    assert vote_weights(["a", "b", "a", "a"]) == pytest.approx([1 / 3, 1, 1 / 3, 1 / 3])
    values, weight = np.array([3.0, 1.0, 2.0]), np.array([1.0, 1.0, 2.0])
    assert [weighted_quantile(values, weight, q) for q in (0.25, 0.3, 0.75, 1)] == [1, 2, 2, 3]


def test_a_domain_is_kept(domain, tmp_path):
    write_domain(domain, tmp_path / "domain.npz")
    kept = read_domain(tmp_path / "domain.npz")
    np.testing.assert_array_equal(kept.components, domain.components)
    assert kept.rest_variance == domain.rest_variance


def test_a_damaged_domain_says_what_to_do(tmp_path):
    (tmp_path / "domain.npz").write_bytes(b"PK nonsense")
    with pytest.raises(LakeError, match=r"domain.npz .*delete the unit and run again"):
        read_domain(tmp_path / "domain.npz")
