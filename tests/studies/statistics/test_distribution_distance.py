import numpy as np
import pytest
from scipy.stats import wasserstein_distance

from musqa_pipeline.studies.statistics.distribution_distance import (
    CONFIDENCE,
    LEVELS,
    N_LEVELS,
    distance,
    distribution_of,
    threshold,
)

N_TRIALS = 200


def made_up(seed, *, n_recordings=30, shift=0.0, rows_each=20):
    """Values whose recordings differ more than rows of one do."""
    rng = np.random.default_rng(seed)
    recording = np.repeat(np.arange(n_recordings), rows_each)
    own = rng.normal(0, 2, n_recordings)[recording]
    return distribution_of(shift + own + rng.normal(0, 1, len(recording)), recording, str(seed))


def share_moved(shift, n_trials=N_TRIALS, **sizes):
    moved = 0
    for trial in range(n_trials):
        first, second = made_up(2 * trial, **sizes), made_up(2 * trial + 1, shift=shift, **sizes)
        moved += distance(first, second) > threshold(first, second)
    return moved / n_trials


def test_without_a_change_the_threshold_is_passed_as_seldom_as_it_says():
    assert CONFIDENCE == 0.99
    assert share_moved(0.0) <= 0.035


def test_a_shift_of_the_recordings_is_found():
    assert share_moved(3.0, 40) > 0.9


def test_rows_taken_for_independent_would_cry_wolf():
    moved = 0
    for trial in range(25):
        pair = []
        for seed in (2 * trial, 2 * trial + 1):
            rng = np.random.default_rng(seed)
            recording = np.repeat(np.arange(30), 20)
            values = rng.normal(0, 2, 30)[recording] + rng.normal(0, 1, 600)
            pair.append(distribution_of(values, np.arange(600), str(seed)))
        moved += distance(*pair) > threshold(*pair)
    assert moved > 5


def test_the_distance_is_wassersteins_but_for_the_number_of_levels():
    rng = np.random.default_rng(3)
    a, b = rng.gamma(2, 3, 4000), rng.normal(8, 2, 3000)
    first, second = (
        distribution_of(a, np.arange(4000), "a"),
        distribution_of(b, np.arange(3000), "b"),
    )
    assert distance(first, second) == pytest.approx(wasserstein_distance(a, b), rel=0.03)
    assert distance(first, first) == 0.0
    moved = distribution_of(a + 1.5, np.arange(4000), "c")
    assert distance(first, moved) == pytest.approx(1.5)


def test_quantiles_are_those_of_the_values_and_what_is_not_finite_is_left_out():
    x = np.arange(3200.0)
    found = distribution_of([*x, np.nan, np.inf], [*np.arange(3200), 1, 2], "x")
    np.testing.assert_allclose(found.quantiles, 3200 * LEVELS, atol=1.0)
    assert (found.n_rows, found.n_recordings) == (3200, 3200)
    assert distribution_of([np.nan], ["a"], "x") is None


def test_resamples_spread_as_means_of_so_many_recordings_do():
    rng = np.random.default_rng(0)
    found = distribution_of(rng.normal(0, 1, 400), np.arange(400), "spread")
    assert found.resampled.shape == (100, N_LEVELS)
    assert found.resampled.mean(axis=1).std() == pytest.approx(1 / 20, rel=0.3)


def test_two_recordings_have_a_distance_and_no_threshold():
    few, many = made_up(1, n_recordings=2), made_up(2)
    assert distance(few, many) > 0
    assert threshold(few, many) is None
    assert threshold(many, few) is None
