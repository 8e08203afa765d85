"""Fréchet's distance against formulas and SciPy's square root of matrices."""

import numpy as np
import pytest
from scipy.linalg import sqrtm

from musqa_pipeline.learning.gan.frechet import N_BANDS, describe, frechet_distance


def points(seed, n=200, d=6, shift=0.0):
    rng = np.random.default_rng(seed)
    return rng.standard_normal((n, d)) @ rng.standard_normal((d, d)) + shift


def test_it_is_nothing_between_a_set_and_itself_and_grows_with_distance():
    first = points(0)
    assert frechet_distance(first, first) == pytest.approx(0, abs=1e-6)
    assert frechet_distance(first, first + 2.0) == pytest.approx(6 * 4.0)


def test_in_one_direction_it_is_the_distance_of_means_and_deviations():
    line = np.linspace(-1, 1, 50)[:, None] * np.array([[1.0, 0.0]])
    spread = line.std(ddof=1, axis=0)[0]
    assert frechet_distance(line, 3 * line + [5.0, 0.0]) == pytest.approx(25 + (2 * spread) ** 2)


def test_it_is_the_formula_with_scipy_s_square_root():
    first, second = points(1), points(2, shift=0.5)
    covariances = [np.cov(each, rowvar=False) for each in (first, second)]
    of_both = np.trace(sqrtm(covariances[0] @ covariances[1]).real)
    apart = np.square(first.mean(axis=0) - second.mean(axis=0)).sum()
    expected = apart + sum(map(np.trace, covariances)) - 2 * of_both
    assert frechet_distance(first, second) == pytest.approx(expected, rel=1e-6)
    assert frechet_distance(second, first) == pytest.approx(expected, rel=1e-6)


def test_an_image_is_described_by_means_and_deviations_of_bands():
    images = np.zeros((2, 64, 64))
    images[1, 4:6] = np.where(np.arange(64) % 2, 1.0, -0.5)
    found = describe(images)
    assert found.shape == (2, 2 * N_BANDS)
    assert not found[0].any()
    assert np.flatnonzero(found[1]).tolist() == [2, N_BANDS + 2]
    assert found[1, [2, N_BANDS + 2]].tolist() == [0.25, 0.75]
