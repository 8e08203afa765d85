import numpy as np
import pytest

from musqa_pipeline.stages.evaluation.repetitions import METRICS
from musqa_pipeline.studies.statistics.bootstrap import (
    estimate,
    interval,
    mean_over_recordings,
    paired_difference,
    recording_counts,
    resampled_metrics,
    resamples,
)
from musqa_pipeline.studies.statistics.metrics import rmse


def some_rows(n_recordings=6, rows_each=7, seed=0):
    rng = np.random.default_rng(seed)
    index = np.repeat(np.arange(n_recordings), rows_each)
    label = rng.integers(0, 20, len(index)) * 5.0  # with ties
    predicted = np.round(label + rng.normal(0, 15, len(index)), -1)
    return label, predicted, index


def test_counts_give_what_copying_the_rows_of_drawn_recordings_gives():
    label, predicted, index = some_rows()
    counts = recording_counts(6, 50, "test")
    fast = resampled_metrics(label, predicted, index, counts)
    for draw, times in enumerate(counts.astype(int)):
        rows = np.concatenate(
            [np.flatnonzero(index == i) for i in range(6) for _ in range(times[i])]
        )
        for name, metric in METRICS.items():
            assert fast[name][draw] == pytest.approx(metric(label[rows], predicted[rows]), abs=1e-9)


def test_draws_in_parts_equal_draws_at_once(monkeypatch):
    label, predicted, index = some_rows()
    counts = recording_counts(6, 40, "test")
    whole = resampled_metrics(label, predicted, index, counts)["spearman"]
    monkeypatch.setattr("musqa_pipeline.studies.statistics.bootstrap._CELLS_AT_ONCE", 300)
    np.testing.assert_array_equal(
        resampled_metrics(label, predicted, index, counts)["spearman"], whole
    )


def test_more_rows_of_the_same_recordings_narrow_nothing():
    label, predicted, index = some_rows()
    counts = recording_counts(6, 300, "test")
    once = resampled_metrics(label, predicted, index, counts)
    tenfold = resampled_metrics(*(np.tile(x, 10) for x in (label, predicted, index)), counts)
    for name in ("pearson", "rmse", "mae", "r2"):
        assert interval(tenfold[name], 0.95) == pytest.approx(interval(once[name], 0.95))


def test_a_resample_holds_as_many_recordings_as_there_are_and_follows_its_key():
    counts = recording_counts(9, 200, 0, "uniform_draw")
    assert (counts.sum(axis=1) == 9).all()
    assert counts.mean(axis=0) == pytest.approx(np.ones(9), abs=0.25)
    np.testing.assert_array_equal(counts, recording_counts(9, 200, 0, "uniform_draw"))
    assert (counts != recording_counts(9, 200, 1, "uniform_draw")).any()


def test_the_interval_of_a_mean_error_is_about_that_of_theory():
    rng = np.random.default_rng(4)
    n = 400
    error = rng.normal(0, 1, n)
    draws = resampled_metrics(
        np.zeros(n), np.abs(error), np.arange(n), recording_counts(n, 2_000, "x")
    )
    low, high = interval(draws["mae"], 0.95)
    expected = 2 * 1.96 * np.abs(error).std() / np.sqrt(n)
    assert high - low == pytest.approx(expected, rel=0.1)


def test_a_metric_undefined_in_too_many_draws_has_no_interval():
    draws = np.linspace(0, 1, 100)
    assert interval(draws, 0.9) == pytest.approx((0.05, 0.95))
    draws[:9] = np.nan
    assert interval(draws, 0.9) is not None
    draws[:11] = np.nan
    assert interval(draws, 0.9) is None


def test_a_constant_prediction_has_errors_and_no_correlation_in_every_draw():
    label, _, index = some_rows()
    found = resampled_metrics(
        label, np.full(len(label), 100 / 3), index, recording_counts(6, 60, "c")
    )
    assert np.isnan(found["pearson"]).all()
    assert np.isnan(found["spearman"]).all()
    assert np.isfinite(found["rmse"]).all()


def test_a_draw_whose_labels_are_all_equal_has_no_correlation():
    label = np.array([30.0, 30, 70, 71, 72])
    predicted = np.array([10.0, 50, 60, 65, 70])
    index = np.array([0, 0, 1, 1, 1])
    found = resampled_metrics(label, predicted, index, np.array([[2.0, 0.0], [1.0, 1.0]]))
    for name in ("pearson", "spearman", "r2"):
        assert np.isnan(found[name]).tolist() == [True, False]


def test_any_statistic_on_copied_rows_agrees_with_the_fast_way():
    label, predicted, index = some_rows()
    counts = recording_counts(6, 40, "test")
    fast = resampled_metrics(label, predicted, index, counts)
    for name, metric in METRICS.items():
        slow = [metric(*drawn) for drawn in resamples((label, predicted), index, counts)]
        np.testing.assert_allclose(np.array(slow, dtype=float), fast[name], atol=1e-9)


def test_the_interval_over_recordings_covers_the_truth_where_rows_hang_together():
    # Songs of 5 rows share an offset: the error of a song is normal with variance 2² + 1².
    rng = np.random.default_rng(7)
    covered, naive = 0, 0
    index = np.repeat(np.arange(40), 5)
    for sample in range(120):
        error = np.repeat(rng.normal(0, 2, 40), 5) + rng.normal(0, 1, 200)
        zeros = np.zeros(200)
        counts = recording_counts(40, 300, "coverage", sample)
        low, high = interval(resampled_metrics(zeros, error, index, counts)["rmse"], 0.95)
        covered += low <= 5**0.5 <= high
        rows = recording_counts(200, 300, "rows", sample)
        low, high = interval(resampled_metrics(zeros, error, np.arange(200), rows)["rmse"], 0.95)
        naive += low <= 5**0.5 <= high
    assert covered / 120 > 0.86
    assert naive / 120 < 0.8  # rows taken for independent promise too much


def test_a_paired_difference_sees_a_gain_that_is_small_beside_the_spread_of_songs():
    rng = np.random.default_rng(8)
    recording = np.repeat([f"song {i}" for i in range(20)], 6)
    label = rng.uniform(0, 100, 120)
    hard = np.repeat(rng.normal(0, 10, 20), 6)
    first, second = label + 0.9 * hard, label + hard + rng.normal(0, 0.5, 120)
    found = paired_difference(rmse, label, first, second, recording, "gain", n_draws=300)
    assert found.n_recordings == 20
    assert found.value == pytest.approx(rmse(label, first) - rmse(label, second))
    assert found.low < found.value < found.high < 0
    back = paired_difference(rmse, label, second, first, recording, "gain", n_draws=300)
    assert (back.low, back.high) == pytest.approx((-found.high, -found.low))
    none = paired_difference(rmse, label, second, second, recording, "gain", n_draws=50)
    assert (none.value, none.low, none.high) == (0.0, 0.0, 0.0)


def test_two_recordings_say_nothing_about_others():
    found = paired_difference(rmse, [1, 2, 3], [1, 2, 3], [2, 3, 4], ["a", "a", "b"], "few")
    assert (found.value, found.low, found.high) == (-1.0, None, None)


def test_means_over_recordings_give_each_recording_one_vote():
    found = mean_over_recordings([True, True, True, False], ["a", "a", "a", "b"], "test")
    assert (found.value, found.low, found.n_recordings) == (0.5, None, 2)
    values, names = np.arange(12.0), np.repeat(list("abc"), 4)
    spread = mean_over_recordings(values, names, "test")
    assert spread.value == pytest.approx(5.5)
    assert (spread.low, spread.high) == pytest.approx((1.5, 9.5))  # three of one in 1 of 27 draws
    same = mean_over_recordings(np.ones(12), names, "test")
    assert (same.low, same.high) == (1, 1)


def test_any_statistic_has_the_interval_of_its_draws():
    label, predicted, index = some_rows()
    found = estimate(rmse, label, predicted, index, "test", n_draws=300)
    counts = recording_counts(6, 300, "test")
    draws = resampled_metrics(label, predicted, index, counts)["rmse"]
    assert found.value == pytest.approx(rmse(label, predicted))
    assert (found.low, found.high) == pytest.approx(interval(draws, 0.95))
    few = estimate(rmse, label, predicted, index % 2, "test")
    assert (few.low, few.high, few.n_recordings) == (None, None, 2)
