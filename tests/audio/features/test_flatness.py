"""Spectral flatness, against librosa and by what it has to be."""

import librosa
import numpy as np
import pytest

from musqa_pipeline.audio.features.flatness import spectral_flatness
from tests.audio.music import music

STEREO = np.stack([music()[:150_001], music(seed=2)[:150_001]], axis=1)


@pytest.mark.parametrize("n_samples", [3_000, 48_000, 150_001])
def test_flatness_is_librosas(n_samples):
    x = STEREO[:n_samples].astype(np.float64)
    oracle = librosa.feature.spectral_flatness(y=x.T, n_fft=2_048, hop_length=512, power=2.0)
    assert spectral_flatness(x) == pytest.approx(float(oracle.mean()), abs=1e-6)
    assert spectral_flatness(x.astype(np.float32)) == pytest.approx(float(oracle.mean()), abs=1e-6)


def test_noise_is_flatter_than_music_and_music_than_a_tone():
    white = np.random.default_rng(1).standard_normal(96_000) * 0.1
    tone = 0.1 * np.sin(np.arange(96_000) * 0.3)
    assert spectral_flatness(white) == pytest.approx(np.exp(-np.euler_gamma), abs=0.01)
    assert spectral_flatness(tone) < 1e-3 < spectral_flatness(STEREO) < 0.1
    assert spectral_flatness(np.zeros(5_000)) == pytest.approx(1.0)


def test_channels_count_alike_and_one_is_itself_twice():
    left, right = (spectral_flatness(channel) for channel in STEREO.T)
    assert spectral_flatness(STEREO) == pytest.approx((left + right) / 2)
    assert spectral_flatness(np.repeat(STEREO[:, :1], 2, axis=1)) == pytest.approx(left)
