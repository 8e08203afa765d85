"""Falls within ladders, and where a mean of trainings lies among networks that learned nothing."""

import numpy as np
import pytest

from musqa_pipeline.studies.statistics.ladders import (
    Ladders,
    difference_of_falls,
    fall,
    null_means,
    null_share,
)
from musqa_pipeline.studies.statistics.metrics import spearman

STEPS = np.array([10.0, 30.0, 50.0, 70.0, 90.0])


def ladders(rows, recording):
    return Ladders(STEPS, np.array(rows, np.float64), np.array(recording))


def test_each_recording_and_each_kind_has_one_vote():
    falling, rising, flat = -STEPS, STEPS, np.ones(5)
    noise = ladders([falling, falling, falling, rising], ["a", "a", "a", "b"])
    limiter = ladders([flat, flat], ["a", "b"])
    found = fall({"noise": noise, "limiter": limiter}, "test")
    assert found.mean == pytest.approx(((-1 + 0) / 2 + (1 + 0) / 2) / 2)
    assert (found.n_ladders, found.n_recordings) == (6, 2)
    assert fall({"noise": noise}, "test").mean == pytest.approx((-1 + 1) / 2)


def test_correlations_are_spearmans_with_ties_and_none_where_all_is_equal():
    rows = np.round(np.random.default_rng(4).standard_normal((40, 5)), 0)
    expected = [spearman(STEPS, row) or 0.0 for row in rows]
    assert 0.0 in expected
    for number, row in enumerate(rows):
        found = fall({"noise": ladders([row], ["a"])}, "test")
        assert found.mean == pytest.approx(expected[number])


def test_levels_of_segments_do_not_count():
    rows = [1000 * k - STEPS**3 for k in range(6)]
    found = fall({"noise": ladders(rows, list("abcdef"))}, "test")
    assert found.mean == pytest.approx(-1)
    assert (found.low, found.high) == pytest.approx((-1, -1))


def test_the_interval_is_over_recordings():
    rng = np.random.default_rng(0)
    names = [f"r{k // 5}" for k in range(100)]
    rows = rng.standard_normal((100, 5)) - 0.5 * np.arange(5)
    found = fall({"noise": ladders(rows, names)}, "test")
    assert found.low < found.mean < found.high
    assert found.high < 0
    again = fall({"noise": ladders(rows, names)}, "test")
    assert again == found


def test_two_recordings_have_no_interval():
    found = fall({"noise": ladders([-STEPS, STEPS], ["a", "b"])}, "test")
    assert (found.low, found.high) == (None, None)


def test_kinds_of_other_recordings_are_refused():
    one, other = ladders([-STEPS], ["a"]), ladders([-STEPS], ["b"])
    with pytest.raises(ValueError, match=r"recordings differ between kinds \['limiter', 'noise'\]"):
        fall({"noise": one, "limiter": other}, "test")
    with pytest.raises(ValueError, match="no ladder"):
        fall({}, "test")


def test_a_mean_of_several_is_held_against_means_of_as_many():
    nulls = np.random.default_rng(0).normal(0, 0.3, 300)
    assert null_share(-2.0, nulls, 3, "test") == 0
    assert null_share(2.0, nulls, 3, "test") == 1
    alone, together = (null_share(-0.3, nulls, n, "test") for n in (1, 3))
    assert alone == pytest.approx(np.mean(nulls <= -0.3), abs=0.02)
    assert together < alone / 2  # of means, -0.3 is 1.7 deviations away
    assert null_means(nulls, 1, "test").std() == pytest.approx(nulls.std(), rel=0.05)
    assert null_means(nulls, 3, "test").std() == pytest.approx(nulls.std() / 3**0.5, rel=0.05)


def test_two_falls_are_compared_recording_by_recording():
    names = list("abcdef")
    swapped = STEPS[[0, 2, 1, 3, 4]]  # Spearman's coefficient with the steps is 0.9
    sure = {"noise": ladders([-STEPS] * 6, names), "limiter": ladders([-STEPS] * 6, names)}
    unsure = {"noise": ladders([-swapped] * 6, names), "limiter": ladders([-STEPS] * 6, names)}
    found = difference_of_falls(sure, unsure, "test")
    assert (found.value, found.low, found.high) == pytest.approx((-0.05, -0.05, -0.05))
    assert found.n_recordings == 6
    of_two = {"noise 0": sure["noise"], "noise 1": unsure["noise"]}  # of two trainings
    assert difference_of_falls(of_two, sure, "test").value == pytest.approx(0.05)
    rows = np.random.default_rng(1).standard_normal((2, 6, 5))
    one, other = ({"noise": ladders(each, names)} for each in rows)
    apart = fall(one, "test").mean - fall(other, "test").mean
    assert difference_of_falls(one, other, "test").value == pytest.approx(apart)
    with pytest.raises(ValueError, match="recordings differ"):
        difference_of_falls(one, {"noise": ladders(rows[0], list("abcdeg"))}, "test")
