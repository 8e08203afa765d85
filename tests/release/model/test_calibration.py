"""Intervals that hold, on made-up songs whose errors are known."""

import numpy as np
import pytest

from musqa_pipeline.core.errors import StageError
from musqa_pipeline.release.model.accuracy import coverage_of
from musqa_pipeline.release.model.calibration import (
    KNOTS,
    Evidence,
    as_record,
    cross_calibrated,
    fit_calibration,
    interval_ends,
    within,
)
from musqa_pipeline.scoring.intervals import Calibration, bounds, quantiles

STEPS = np.linspace(0, 0.95, 40)


def songs(n_songs, seed, *, n_rows=60, offset=0.08, far_offset=0.08):
    """Rows of songs, each off by an offset of its own; `far_offset` where the distance is large.

    The distributions say +-0.03, which is far too narrow.
    """
    rng = np.random.default_rng(seed)
    group = np.repeat([f"song {i}" for i in range(n_songs)], n_rows)
    far = np.repeat(rng.uniform(size=n_songs) < 0.3, n_rows)
    spread = np.where(far, far_offset, offset)
    mean = rng.uniform(0.2, 0.75, len(group))
    error = np.repeat(rng.standard_normal(n_songs), n_rows) * spread
    quality = np.clip(mean + error + 0.01 * rng.standard_normal(len(group)), 0, 0.93)
    distance = np.where(far, 0.9, 0.4) + 0.05 * rng.uniform(size=len(group))
    return Evidence(group.astype(str), quality, mean, mean - 0.03, mean + 0.03, distance)


def share(evidence, ends):
    weight = evidence.weight
    return float(np.average(within(evidence, *ends), weights=weight))


def test_unmet_songs_are_covered_and_the_raw_distribution_covers_too_few():
    evidence, others = songs(300, 1, n_rows=20), songs(400, 2, n_rows=20)
    raw = Calibration(0.9, (0.0,), (0.0,), (0.0,), (0.0,), (1.0,))
    assert share(others, interval_ends(others, raw)) < 0.5
    found = share(others, interval_ends(others, fit_calibration(evidence)))
    assert 0.86 < found < 0.95


def test_coverage_is_measured_without_the_recording_itself():
    evidence = songs(40, 3)
    low, high = cross_calibrated(evidence)
    coverage = coverage_of(evidence, within(evidence, low, high), high - low, "test")
    assert coverage["low"] <= 0.9 <= coverage["high"]
    assert coverage["n_recordings"] == 40
    # A song's labels cannot move its own interval: make one absurd.
    odd = evidence.group == "song 0"
    changed = Evidence(
        evidence.group,
        np.where(odd, 0.9, evidence.quality),
        *(evidence.mean, evidence.low, evidence.high, evidence.distance),
    )
    again = cross_calibrated(changed)
    np.testing.assert_array_equal(low[odd], again[0][odd])
    assert (high[~odd] != again[1][~odd]).any()


def test_a_song_with_many_rows_has_one_vote():
    few, many = songs(30, 4, n_rows=20), songs(30, 4, n_rows=20)
    repeated = np.concatenate([np.arange(600), np.repeat(np.arange(20), 50)])
    more = Evidence(
        *(getattr(many, n)[repeated] for n in ("group", "quality", "mean", "low", "high")),
        many.distance[repeated],
    )
    one, other = fit_calibration(few), fit_calibration(more)
    np.testing.assert_allclose(one.low, other.low, atol=1e-12)
    np.testing.assert_allclose(one.high, other.high, atol=1e-12)


def test_intervals_are_wider_where_errors_grow_with_the_distance():
    calibration = fit_calibration(songs(120, 5, offset=0.04, far_offset=0.16))
    assert list(calibration.distance_scale) == sorted(calibration.distance_scale)
    near, far = np.interp([0.42, 0.92], calibration.distance_knots, calibration.distance_scale)
    assert far > 1.8 * near


def test_the_factor_never_falls_with_the_distance():
    calibration = fit_calibration(songs(120, 6, offset=0.16, far_offset=0.04))
    assert list(calibration.distance_scale) == sorted(calibration.distance_scale)


def test_the_scorer_gives_the_same_ends_row_by_row():
    """`interval_ends` and `scoring.intervals.bounds` are two ways to one contract."""
    rng = np.random.default_rng(7)
    calibration = fit_calibration(songs(40, 8))
    centre = rng.uniform(0, 0.95, 50)
    probability = np.exp(-0.5 * ((STEPS - centre[:, None]) / 0.06) ** 2)
    probability /= probability.sum(axis=1, keepdims=True)
    ends = np.array([quantiles(row, STEPS) for row in probability])
    evidence = Evidence(
        np.array(["a"] * 50), centre, probability @ STEPS, ends[:, 0], ends[:, 1],
        rng.uniform(0, 2, 50),
    )  # fmt: skip
    low, high = interval_ends(evidence, calibration)
    for i, row in enumerate(probability):
        one = bounds(row, STEPS, evidence.distance[i], calibration)
        assert (one.low, one.high) == pytest.approx((low[i], high[i]), abs=1e-9)


def test_the_record_is_read_by_the_scorer():
    calibration = fit_calibration(songs(40, 9))
    kept = Calibration.from_record(as_record(calibration))
    assert kept.knots_quality == KNOTS
    np.testing.assert_allclose(kept.low, calibration.low, atol=1e-6)
    np.testing.assert_allclose(kept.distance_scale, calibration.distance_scale, atol=1e-6)


def test_too_few_recordings_are_named():
    with pytest.raises(
        StageError, match=r"4 groups .* calibrate on, at least 5 .*, or make none: "
    ):
        fit_calibration(songs(4, 10))
