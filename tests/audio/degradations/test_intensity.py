"""The four degradations with an intensity: the figures of their formulas, SciPy, a plain loop."""

import numpy as np
import pytest
from scipy.signal import butter, sosfilt, welch

from musqa_pipeline.audio.degradations.intensity import (
    CEILING_DB,
    CLIPPED_AT,
    INTENSITY_DEGRADATIONS,
    IntensityLowpass,
    IntensityParams,
    NoiseParams,
    pink_noise,
)

N = 201_984
DISTORTION, LIMITER, LOWPASS, NOISE = (
    INTENSITY_DEGRADATIONS[f"intensity_{name}"]
    for name in ("distortion", "limiter", "lowpass", "noise")
)


@pytest.fixture(scope="module")
def music():
    """Two channels like a master: bursts and tones with peaks at full scale."""
    rng = np.random.default_rng(0)
    time = np.arange(N) / 48_000
    beat = np.exp(-8 * (time % 0.4))[:, None] * rng.standard_normal((N, 2))
    tones = np.sin(2 * np.pi * time[:, None] * [220, 331])
    x = beat + 0.4 * tones * (1 + np.sin(2 * np.pi * time[:, None] / 3))
    return (x / np.abs(x).max()).astype(np.float32)


def dbfs(x):
    return 10 * np.log10(np.mean(np.square(x, dtype=np.float64)))


@pytest.mark.parametrize("name", INTENSITY_DEGRADATIONS)
def test_draws_are_uniform_and_the_same_parameters_give_the_same_samples(name, music):
    degradation = INTENSITY_DEGRADATIONS[name]
    rng = np.random.default_rng(1)
    drawn = [degradation.draw(rng) for _ in range(400)]
    intensities = np.array([params.intensity for params in drawn])
    assert intensities.min() >= 0
    assert intensities.max() <= 100
    np.testing.assert_allclose(np.quantile(intensities, [0.25, 0.5, 0.75]), [25, 50, 75], atol=8)
    chosen = degradation.with_intensity(40.0, np.random.default_rng(2))
    assert chosen == degradation.with_intensity(40.0, np.random.default_rng(2))
    assert chosen.intensity == 40.0

    before = music.copy()
    first, second = (degradation.apply(music, drawn[7]) for _ in range(2))
    assert (first.shape, first.dtype) == (music.shape, np.float32)
    np.testing.assert_array_equal(first, second)
    np.testing.assert_array_equal(music, before)
    assert np.isfinite(first).all()


@pytest.mark.parametrize(("intensity", "k"), [(0, 2), (50, 6), (90, 38), (100, 1998)])
def test_the_distortion_has_the_curve_of_its_intensity(intensity, k, music):
    y = DISTORTION.apply(music, IntensityParams(intensity))
    x = music.astype(np.float64)
    np.testing.assert_allclose(y, (1 + k) * x / (1 + k * np.abs(x)), rtol=1e-6)
    ends = DISTORTION.apply(np.array([[1, -1], [3, -3]], np.float32), IntensityParams(intensity))
    np.testing.assert_allclose(ends, [[1, -1], [1, -1]], rtol=1e-6)


@pytest.mark.parametrize(
    ("intensity", "cutoff_hz"), [(0, 20_000), (25, 9_459), (50, 4_473), (75, 2_116), (100, 1_000)]
)
def test_the_low_pass_is_scipys_at_the_cut_off_of_its_intensity(intensity, cutoff_hz, music):
    assert IntensityLowpass.cutoff_hz(intensity) == cutoff_hz
    y = LOWPASS.apply(0.5 * music, IntensityParams(intensity))
    sections = butter(4, cutoff_hz, fs=48_000, output="sos")
    np.testing.assert_allclose(y, sosfilt(sections, 0.5 * music, axis=0), atol=1e-6)


def test_the_low_pass_clips_what_rings_above_full_scale():
    square = np.repeat(np.where(np.arange(N) // 240 % 2, 1.0, -1.0)[:, None], 2, 1)
    y = LOWPASS.apply(square.astype(np.float32), IntensityParams(40))
    assert np.abs(y).max() == pytest.approx(CLIPPED_AT)
    assert pytest.approx(0.977, abs=5e-4) == CLIPPED_AT


def plainly_limited(x, threshold, ceiling):
    """The text of the effect, sample by sample."""
    counters, peaks, envelope, y = [0.0, 48_000 / 256], [0.0, 0.0], 0.0, []
    release = np.exp(-3 / (0.05 * 48_000))
    for pair in x.astype(np.float64):
        for i in range(2):
            counters[i] += 1
            if counters[i] > 375:
                counters[i] = peaks[i] = 0
            peaks[i] = max(peaks[i], *np.abs(pair))
        larger = max(peaks)
        envelope = larger if envelope < larger else larger + release * (envelope - larger)
        limit = 1.0 if envelope == 0 else min(1.0, threshold / envelope)
        y.append(pair * ceiling / threshold * limit)
    return np.array(y)


@pytest.mark.parametrize("intensity", [0, 37.5, 100])
def test_the_limiter_does_what_its_text_says(intensity, music):
    x = np.concatenate([np.zeros((500, 2), np.float32), music[:12_000]])
    y = LIMITER.apply(x, IntensityParams(intensity))
    threshold, ceiling = 10 ** (-1.5 * intensity / 100), 10 ** (-0.1 / 20)
    np.testing.assert_allclose(y, plainly_limited(x, threshold, ceiling), atol=1e-6)


@pytest.mark.parametrize("intensity", [0, 20, 50, 100])
def test_the_limiter_never_exceeds_its_ceiling_and_makes_up_for_its_threshold(intensity, music):
    for level in (1.0, 3.0, 1e-3):
        y = LIMITER.apply(np.float32(level) * music, IntensityParams(intensity))
        assert np.abs(y).max() <= 10 ** (CEILING_DB / 20) * (1 + 1e-6)
    quiet = LIMITER.apply(np.float32(1e-3) * music, IntensityParams(intensity))
    gain_db = 0.3 * intensity + CEILING_DB
    np.testing.assert_allclose(quiet, 1e-3 * music * 10 ** (gain_db / 20), rtol=1e-4, atol=1e-9)


@pytest.mark.parametrize(("intensity", "rms_dbfs"), [(0, -39.2), (50, -26.7), (100, -14.2)])
def test_the_noise_has_the_level_of_its_intensity_whatever_the_music(intensity, rms_dbfs, music):
    params = NoiseParams(intensity, seed=5)
    alone = NOISE.apply(np.zeros_like(music), params)
    assert dbfs(alone) == pytest.approx(rms_dbfs, abs=0.1)
    for level in (1.0, 0.05):
        y = NOISE.apply(np.float32(level) * music, params)
        np.testing.assert_array_equal(y[:, 0], y[:, 1])
        mono = np.float64(level) * music.astype(np.float64).mean(axis=1)
        assert dbfs(y[:, 0] - mono) == pytest.approx(rms_dbfs, abs=0.1)


def test_the_noise_falls_by_three_decibels_an_octave():
    hz, power = welch(pink_noise(48_000 * 40, 3), 48_000, nperseg=8_192)
    level_db = [
        10 * np.log10(power[(low <= hz) & (hz < 2 * low)].mean())
        for low in (75, 150, 300, 600, 1_200, 2_400, 4_800)
    ]
    np.testing.assert_allclose(np.diff(level_db)[:-1], -3, atol=0.7)
    # Its poles end at 4.8 kHz, and the last octave falls by 3.7 dB.
    slope_db = np.polyfit(np.arange(len(level_db)), level_db, 1)[0]
    assert slope_db == pytest.approx(-3, abs=0.7)


def test_noises_of_two_seeds_are_unlike_and_one_needs_a_seed(music):
    first, second = (pink_noise(N, seed) for seed in (0, 1))
    assert abs(np.corrcoef(first, second)[0, 1]) < 0.2
    with pytest.raises(TypeError, match="needs a seed"):
        NOISE.apply(music, IntensityParams(50))
