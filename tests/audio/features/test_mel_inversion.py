"""Bins of mel bands against SciPy's least squares, and phases that give a tone back."""

import numpy as np
import pytest
import scipy.optimize

from musqa_pipeline.audio.constants import SAMPLE_RATE_HZ
from musqa_pipeline.audio.features.filterbank import mel_filters
from musqa_pipeline.audio.features.mel import mel_power
from musqa_pipeline.audio.features.mel_inversion import griffin_lim, spectrum_of_mel
from musqa_pipeline.core.settings.dataset import SpectrogramsSettings

SETTINGS = SpectrogramsSettings(n_mels=256, n_fft=2048, hop_length_samples=768)


def tones(hz, seconds=1.0):
    time_s = np.arange(int(seconds * SAMPLE_RATE_HZ)) / SAMPLE_RATE_HZ
    return np.sum([np.sin(2 * np.pi * f * time_s) for f in hz], axis=0).astype(np.float32) / 4


def spectrum_of(samples):
    padded = np.pad(samples, SETTINGS.n_fft // 2)
    frames = np.lib.stride_tricks.sliding_window_view(padded, SETTINGS.n_fft)
    return np.fft.rfft(frames[:: SETTINGS.hop_length_samples] * np.hanning(2049)[:-1]).T


def test_bands_of_the_found_bins_are_those_given():
    noise = 0.1 * np.random.default_rng(0).standard_normal(24_000).astype(np.float32)
    for samples, left in ((tones([220, 3000, 9000], 0.5), 1e-2), (noise, 1e-3)):
        power = mel_power(samples, SETTINGS).astype(np.float64)
        spectrum = spectrum_of_mel(power, SETTINGS)
        assert spectrum.shape == (1025, power.shape[1])
        assert spectrum.min() >= 0
        back = mel_filters(SAMPLE_RATE_HZ, 2048, 256) @ spectrum
        assert np.abs(back - power).sum() < left * power.sum()


def test_what_no_bins_can_have_is_as_near_as_scipy_s_least_squares():
    """A single loud band among silent ones, whose bins the neighbours share."""
    settings = SpectrogramsSettings(n_mels=32, n_fft=256, hop_length_samples=128)
    power = np.zeros((32, 1))
    power[[10, 20]] = 1.0
    filters = mel_filters(SAMPLE_RATE_HZ, 256, 32).toarray().astype(np.float64)
    norms = np.linalg.norm(filters, axis=1)
    norms[norms == 0] = 1
    _, least = scipy.optimize.nnls(filters / norms[:, None], power[:, 0] / norms)
    found = spectrum_of_mel(power, settings, n_iterations=2000)
    distance = np.linalg.norm((filters @ found - power)[:, 0] / norms)
    assert least > 0
    assert distance == pytest.approx(least, rel=1e-3)


@pytest.mark.parametrize("hz", [110.0, 1000.0, 7333.0])
def test_a_tone_comes_back_within_a_bin(hz):
    sound = tones([hz])
    magnitude = np.abs(spectrum_of(sound))
    found = griffin_lim(magnitude, SETTINGS)
    assert len(found) == magnitude.shape[1] * SETTINGS.hop_length_samples
    middle = found[8000:40_000] * np.hanning(32_000)
    pitch_hz = np.abs(np.fft.rfft(middle)).argmax() * SAMPLE_RATE_HZ / 32_000
    assert pitch_hz == pytest.approx(hz, abs=SAMPLE_RATE_HZ / SETTINGS.n_fft)
    assert found[8000:40_000].std() == pytest.approx(sound.std(), rel=0.1)


def test_so_does_a_tone_of_which_mel_bands_alone_are_known():
    sound = tones([1000.0])
    spectrum = spectrum_of_mel(mel_power(sound, SETTINGS), SETTINGS)
    middle = griffin_lim(np.sqrt(spectrum), SETTINGS)[8000:40_000] * np.hanning(32_000)
    pitch_hz = np.abs(np.fft.rfft(middle)).argmax() * SAMPLE_RATE_HZ / 32_000
    assert pitch_hz == pytest.approx(1000, abs=SAMPLE_RATE_HZ / SETTINGS.n_fft)


def test_magnitudes_agree_better_the_longer_phases_are_looked_for():
    magnitude = np.abs(spectrum_of(tones([220, 330, 2000]) * np.linspace(0, 1, 48_000)))

    def apart(n_iterations):
        found = griffin_lim(magnitude, SETTINGS, n_iterations=n_iterations).astype(np.float64)
        again = np.abs(spectrum_of(found))[:, : magnitude.shape[1]]
        return np.linalg.norm(again - magnitude) / np.linalg.norm(magnitude)

    errors = [apart(n) for n in (0, 4, 32)]
    assert errors[0] > errors[1] > errors[2]
    assert errors[2] < 0.1


def test_the_same_magnitudes_give_the_same_sound():
    magnitude = np.abs(spectrum_of(tones([440], 0.3)))
    assert np.array_equal(griffin_lim(magnitude, SETTINGS), griffin_lim(magnitude, SETTINGS))
