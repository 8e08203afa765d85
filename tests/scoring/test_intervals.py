"""Intervals: quantiles of a distribution, widened as the calibration says."""

import numpy as np
import pytest

from musqa_pipeline.scoring.intervals import HIGHEST_QUALITY, Calibration, bounds, quantiles
from tests.scoring.small_model import CALIBRATION, STEPS

UNIFORM = np.full(40, 1 / 40)


def test_quantiles_of_a_uniform_distribution():
    low, high = quantiles(UNIFORM, STEPS)
    step = STEPS[1]
    assert low == pytest.approx(0.05 * 40 * step - step / 2)
    assert high == pytest.approx(0.95 * 40 * step - step / 2)


def test_quantiles_of_a_certain_answer_are_near_it():
    certain = np.zeros(40)
    certain[20] = 1
    low, high = quantiles(certain, STEPS)
    assert low == pytest.approx(STEPS[20], abs=STEPS[1])
    assert high == pytest.approx(STEPS[20], abs=STEPS[1])


def bell(centre, width=0.05):
    weight = np.exp(-(((STEPS - centre) / width) ** 2) / 2)
    return weight / weight.sum()


def test_the_interval_is_the_quantiles_and_what_is_added():
    p = bell(0.5)
    low, high = quantiles(p, STEPS)
    found = bounds(p, STEPS, 0.5, Calibration.from_record(CALIBRATION))
    assert found.quality == pytest.approx(0.5, abs=1e-6)
    # Halfway between the knots; a scale of 1.5 at a distance of 0.5.
    assert found.low == pytest.approx(low - 1.5 * 0.035)
    assert found.high == pytest.approx(high + 1.5 * 0.025)


def test_intervals_widen_with_distance_and_stay_constant_beyond_the_knots():
    calibration = Calibration.from_record(CALIBRATION)
    widths = [
        (b := bounds(bell(0.5), STEPS, distance, calibration)).high - b.low
        for distance in (-1.0, 0.0, 0.5, 1.0, 9.0)
    ]
    assert widths[0] == widths[1] < widths[2] < widths[3] == widths[4]


def test_the_mean_lies_within_even_where_the_calibration_takes_away():
    record = CALIBRATION | {"low": [-0.5, -0.5], "high": [-0.5, -0.5]}
    found = bounds(bell(0.5), STEPS, 0.0, Calibration.from_record(record))
    assert found.low == found.quality == found.high


def test_all_is_cut_to_the_scale():
    calibration = Calibration.from_record(CALIBRATION)
    top = bounds(bell(0.95, 0.01), STEPS, 1.0, calibration)
    assert top.quality == top.high == HIGHEST_QUALITY
    assert bounds(bell(0.0, 0.01), STEPS, 1.0, calibration).low == 0.0


def test_without_calibration_there_is_no_interval():
    found = bounds(bell(0.3), STEPS, 0.5, None)
    assert (found.low, found.high) == (None, None)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"low": [0.1]}, "low has 1 values for 2 knots"),
        ({"knots_quality": [0.8, 0.2]}, "knots_quality=.*expected rising"),
        ({"distance_knots": [], "distance_scale": []}, "distance_knots=.*expected rising"),
        ({"high": [0.1, float("nan")]}, "not finite"),
        ({"level": 1.5}, "level=1.5, expected"),
        ({"low": None}, "is missing or no number"),
    ],
)
def test_a_wrong_calibration_is_refused(change, message):
    with pytest.raises(ValueError, match=message):
        Calibration.from_record(CALIBRATION | change)
