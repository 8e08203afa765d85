import math

import numpy as np
import pyloudnorm
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from musqa_pipeline.audio.measures.loudness import LoudnessMeter
from tests.audio.sounds import noise


def measure(samples, rate_hz, block_frames=65_536):
    meter = LoudnessMeter(rate_hz, samples.shape[1])
    for start in range(0, len(samples), block_frames):
        meter.update(samples[start : start + block_frames])
    return meter.integrated_lufs()


@pytest.mark.parametrize("rate_hz", [8_000, 11_025, 44_100, 48_000, 96_000])
@pytest.mark.parametrize("channels", [1, 2, 5])
def test_it_equals_pyloudnorm(rate_hz, channels):
    samples = noise(2.3, rate_hz=rate_hz, channels=channels)
    samples[: rate_hz // 2] *= 0.001  # something for the relative gate to leave out
    expected = pyloudnorm.Meter(rate_hz).integrated_loudness(samples.astype(np.float64))
    assert measure(samples, rate_hz) == pytest.approx(expected, abs=1e-6)


@settings(max_examples=20, deadline=None)
@given(block_frames=st.integers(1_000, 30_000), frames=st.integers(19_200, 60_000))
def test_the_size_of_blocks_does_not_matter(block_frames, frames):
    samples = noise(frames / 48_000, channels=2)
    expected = measure(samples, 48_000, frames)
    assert measure(samples, 48_000, block_frames) == pytest.approx(expected, abs=1e-9)


def test_the_tone_of_the_standard_reads_minus_3_lufs():
    # BS.1770-4: a 0 dBFS sine of 997 Hz in one front channel reads -3.01 LKFS.
    tone = np.sin(2 * np.pi * 997 * np.arange(3 * 48_000) / 48_000)[:, None]
    assert measure(tone.astype(np.float32), 48_000) == pytest.approx(-3.01, abs=0.05)


def test_the_low_frequency_channel_of_six_does_not_count_and_surrounds_weigh_more():
    front = noise(1.0)
    six = np.zeros((len(front), 6), np.float32)
    six[:, 3:4] = front
    assert measure(six, 48_000) == -math.inf
    six[:, [3]], six[:, [4]] = 0, front
    assert measure(six, 48_000) == pytest.approx(measure(front, 48_000) + 1.49, abs=0.01)


def test_silence_and_a_blink_have_no_loudness():
    assert measure(np.zeros((48_000, 2), np.float32), 48_000) == -math.inf
    assert measure(noise(0.3), 48_000) == -math.inf
    assert LoudnessMeter(48_000, 1).integrated_lufs() == -math.inf
