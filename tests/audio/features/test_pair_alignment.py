"""Delays: what is found, and what is left of both signals."""

import numpy as np
import pytest

from musqa_pipeline.audio.features.pair_alignment import (
    STEP_SAMPLES,
    cut_to_common,
    find_lag_samples,
)

N = 96_000


def bursts(n_samples=N):
    rng = np.random.default_rng(3)
    loudness = np.repeat(rng.uniform(0.01, 1.0, n_samples // 480), 480)
    return (loudness * rng.normal(0, 0.1, len(loudness))).astype(np.float32)


@pytest.mark.parametrize("lag", [0, 48, 4_800, -4_800, 1_632])
def test_a_delay_is_found(lag):
    signal = bursts()
    moved = np.roll(signal, lag)
    if lag:
        moved[slice(0, lag) if lag > 0 else slice(lag, None)] = 0.0
    assert find_lag_samples(signal, moved) == lag


def test_a_delay_between_grid_points_goes_to_a_neighbour():
    late = np.concatenate((np.zeros(1_003, np.float32), bursts()))
    assert abs(find_lag_samples(bursts(), late) - 1_003) <= STEP_SAMPLES


def test_a_delay_of_more_than_half_the_reference_is_none():
    late = np.concatenate((np.zeros(60_000, np.float32), bursts()))
    assert find_lag_samples(bursts(), late) == 0
    assert find_lag_samples(bursts(), late[20_000:]) == pytest.approx(40_000, abs=STEP_SAMPLES)


@pytest.mark.parametrize("lag", [0, 480, -480])
def test_what_is_cut_shows_the_same_time(lag):
    signal = np.arange(10_000, dtype=np.float32)
    degraded = signal[480:] if lag < 0 else np.concatenate((np.full(lag, -1, np.float32), signal))
    first, second = cut_to_common(signal, degraded, lag)
    assert len(first) == len(second) >= 9_520
    assert np.array_equal(first, second)
