import math

import numpy as np
import pytest
from scipy.signal import cheby1, resample, sosfilt

from musqa_pipeline.audio.measures.peaks import PhaseMeter, TruePeakMeter
from tests.audio.sounds import noise


def true_peak_dbtp(samples, block_frames=10_000):
    meter = TruePeakMeter(samples.shape[1])
    for start in range(0, len(samples), block_frames):
        meter.update(samples[start : start + block_frames])
    return meter.true_peak_dbtp()


def test_a_tone_between_samples_is_read_at_its_crest():
    # A quarter of the sample rate at 45 degrees: every sample is 3 dB below the crest.
    tone = np.sin(np.pi / 2 * np.arange(9_600) + np.pi / 4)[:, None] * np.hanning(9_600)[:, None]
    assert 20 * np.log10(np.abs(tone).max()) == pytest.approx(-3.01, abs=0.01)
    assert true_peak_dbtp(tone.astype(np.float32)) == pytest.approx(0.0, abs=0.1)


@pytest.mark.parametrize("seed", range(4))
def test_it_agrees_with_interpolation_by_fourier_transform(seed):
    # Both interpolators pass what lies below 20 kHz.
    sections = cheby1(10, 0.1, 19_000, fs=48_000, output="sos")
    samples = sosfilt(sections, noise(1.0, channels=2, seed=seed), axis=0).astype(np.float32)
    samples *= np.hanning(len(samples))[:, None].astype(np.float32)
    dense = resample(samples.astype(np.float64), 4 * len(samples), axis=0)
    expected = 20 * np.log10(np.abs(dense).max())
    assert true_peak_dbtp(samples) == pytest.approx(expected, abs=0.1)


def test_a_peak_on_the_seam_of_two_blocks_is_found():
    samples = np.zeros((20_000, 1), np.float32)
    samples[9_999:10_001] = 0.9  # the crest lies between the two
    assert true_peak_dbtp(samples, 10_000) == pytest.approx(true_peak_dbtp(samples, 20_000))
    assert true_peak_dbtp(samples) > 20 * math.log10(0.9) + 1


def test_the_last_sample_counts():
    samples = np.zeros((5_000, 2), np.float32)
    samples[-1, 1] = -0.5
    assert true_peak_dbtp(samples) == pytest.approx(20 * math.log10(0.5), abs=0.01)


def test_digital_silence_has_no_peak():
    assert true_peak_dbtp(np.zeros((100, 1), np.float32)) == -math.inf


def test_phase_correlation_is_that_of_numpy_for_sounds_without_offset():
    samples = noise(1.0, channels=2)
    meter = PhaseMeter(2)
    meter.update(samples[:20_000])
    meter.update(samples[20_000:])
    expected = np.corrcoef(samples.T)[0, 1]
    assert meter.correlation() == pytest.approx(expected, abs=1e-3)


@pytest.mark.parametrize(("sign", "expected"), [(1, 1.0), (-1, -1.0), (0, 0.0)])
def test_phase_of_equal_opposite_and_one_sided_channels(sign, expected):
    left = noise(0.1)
    meter = PhaseMeter(2)
    meter.update(np.hstack([left, np.float32(sign) * left]))
    assert meter.correlation() == pytest.approx(expected)


def test_mono_is_in_phase_with_itself():
    assert PhaseMeter(1).correlation() == 1.0
