"""The mel image, against librosa as an independent source."""

import time
import warnings

import librosa
import numpy as np
import pytest
import soundfile as sf
import soxr

from musqa_pipeline.audio.constants import EXCERPT_SAMPLES, SAMPLE_RATE_HZ
from musqa_pipeline.audio.features.filterbank import hz_to_mel, mel_filters, mel_to_hz
from musqa_pipeline.audio.features.looping import loop_to_excerpt
from musqa_pipeline.audio.features.mel import mel_image
from musqa_pipeline.core.errors import UnfitInputError
from musqa_pipeline.core.settings.dataset import SpectrogramsSettings
from tests import SHARED

MUSIC = SHARED / "music"
TIME_S = np.arange(EXCERPT_SAMPLES) / SAMPLE_RATE_HZ


def noise():
    return 0.07 * np.random.default_rng(1).standard_normal(EXCERPT_SAMPLES)


def tone():
    return 0.1 * np.sin(2 * np.pi * 440 * TIME_S)


def sweep():
    return 0.5 * np.sin(2 * np.pi * (20 * TIME_S + 1_199 * TIME_S**2))


def click():
    return np.eye(1, EXCERPT_SAMPLES, 1_000)[0]


def plucked_chords_and_noise_bursts():
    decay = np.exp(-6 * (TIME_S % 0.5))
    chord = sum(np.sin(2 * np.pi * f * TIME_S) / f for f in (110, 220, 277, 331, 1_760, 9_000))
    bursts = np.random.default_rng(2).standard_normal(EXCERPT_SAMPLES) * (TIME_S % 0.25 < 0.02)
    return 10 * decay * chord + 0.05 * bursts


def music_that_fades_into_silence():
    return plucked_chords_and_noise_bursts() * np.exp(-3 * TIME_S) * (TIME_S < 8)


SIGNALS = (
    noise, tone, sweep, click, plucked_chords_and_noise_bursts, music_that_fades_into_silence,
)  # fmt: skip


def librosa_levels_db(samples, settings):
    power = librosa.feature.melspectrogram(
        y=samples,
        sr=SAMPLE_RATE_HZ,
        n_fft=settings.n_fft,
        hop_length=settings.hop_length_samples,
        n_mels=settings.n_mels,
        power=2.0,
        center=True,
        pad_mode="constant",
    )
    return librosa.power_to_db(power, ref=1.0, amin=1e-10, top_db=settings.top_db)


def librosa_image(samples, settings):
    level_db = librosa_levels_db(samples, settings)
    return ((level_db - level_db.min()) / (level_db.max() - level_db.min())).T


@pytest.mark.parametrize("signal", SIGNALS)
def test_the_image_equals_librosas(signal):
    samples = signal().astype(np.float32)
    result = mel_image(samples)
    assert result.image.shape == (1876, 256)
    assert result.image.dtype == np.float32
    assert result.image.flags.c_contiguous
    np.testing.assert_allclose(
        result.image, librosa_image(samples, SpectrogramsSettings()), rtol=0, atol=5e-5
    )


@pytest.mark.parametrize(
    "changed",
    [{"n_fft": 1024}, {"hop_length_samples": 500}, {"n_mels": 80}, {"top_db": 60.0}],
    ids=str,
)
def test_each_setting_acts_as_in_librosa(changed):
    settings = SpectrogramsSettings(**changed)
    samples = plucked_chords_and_noise_bursts().astype(np.float32)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # librosa on bands that are narrower than a bin
        expected = librosa_image(samples, settings)
    image = mel_image(samples, settings).image
    assert image.shape == expected.shape
    np.testing.assert_allclose(image, expected, rtol=0, atol=5e-5)


def test_real_music_equals_librosas_image():
    if not MUSIC.is_dir():
        pytest.skip("needs ../shared/music")
    samples, rate_hz = sf.read(sorted(MUSIC.glob("*.flac"))[8], dtype="float32", always_2d=True)
    samples = soxr.resample(samples.mean(axis=1), rate_hz, SAMPLE_RATE_HZ)[:EXCERPT_SAMPLES]
    expected = librosa_image(samples, SpectrogramsSettings())
    np.testing.assert_allclose(mel_image(samples).image, expected, rtol=0, atol=5e-5)


def test_levels_are_librosas_decibels():
    samples = plucked_chords_and_noise_bursts().astype(np.float32)
    level_db = librosa_levels_db(samples, SpectrogramsSettings())
    result = mel_image(samples)
    assert result.max_db == pytest.approx(level_db.max(), abs=1e-3)
    assert result.min_db == pytest.approx(level_db.min(), abs=1e-3)
    assert result.max_db - result.min_db == pytest.approx(80.0, abs=1e-3)


@pytest.mark.parametrize("gain_db", [-20.0, -3.0, 12.0])
def test_gain_moves_the_level_and_leaves_the_image(gain_db):
    samples = plucked_chords_and_noise_bursts().astype(np.float32)
    plain = mel_image(samples)
    louder = mel_image(samples * np.float32(10 ** (gain_db / 20)))
    np.testing.assert_allclose(louder.image, plain.image, atol=2e-5)
    assert louder.max_db - plain.max_db == pytest.approx(gain_db, abs=1e-3)


def test_silence_is_an_image_of_zeros():
    result = mel_image(np.zeros(EXCERPT_SAMPLES, np.float32))
    assert not result.image.any()
    assert result.max_db == result.min_db == pytest.approx(-100.0)


@pytest.mark.parametrize("level", [1e-30, 1e-9, 0.3, 1e4])
def test_a_constant_signal_stays_within_the_range(level):
    image = mel_image(np.full(EXCERPT_SAMPLES, level, np.float32)).image
    assert np.isfinite(image).all()
    assert image.min() == 0.0
    assert image.max() in (0.0, 1.0)


def test_a_short_signal_is_looped_and_flagged_and_a_whole_one_is_not():
    short = noise()[:100_000].astype(np.float32)
    looped = mel_image(short)
    whole = mel_image(loop_to_excerpt(short)[0])
    assert looped.looped
    assert not whole.looped
    np.testing.assert_array_equal(looped.image, whole.image)


@pytest.mark.parametrize(
    ("samples", "complaint"),
    [
        (np.zeros(EXCERPT_SAMPLES + 48, np.float32), r"too_long: 10\.001 s, expected at most 10 s"),
        (np.zeros(0, np.float32), "empty: 0 samples; give it"),
        (np.zeros((2, 480), np.float32), r"not_mono: shape=\(2, 480\); mix it"),
        (np.array([0.0, np.nan, np.inf], np.float32), "not_finite: 2 samples are NaN or infinite"),
    ],
)
def test_what_cannot_be_an_image_is_refused_by_name(samples, complaint):
    with pytest.raises(UnfitInputError, match=complaint):
        mel_image(samples)


@pytest.mark.parametrize("n_mels", [40, 256])
def test_the_filters_equal_librosas(n_mels):
    expected = librosa.filters.mel(sr=48_000, n_fft=2048, n_mels=n_mels)
    np.testing.assert_allclose(mel_filters(48_000, 2048, n_mels).toarray(), expected, atol=1e-8)


def test_hertz_and_mel_are_inverse_and_meet_at_1_khz():
    frequencies_hz = np.linspace(0, 24_000, 1_001)
    np.testing.assert_allclose(mel_to_hz(hz_to_mel(frequencies_hz)), frequencies_hz, atol=1e-8)
    assert hz_to_mel(np.array([1_000.0, 999.999])) == pytest.approx([15.0, 15.0], abs=1e-4)


def test_it_takes_less_than_half_of_librosas_time():
    samples = noise().astype(np.float32)
    settings = SpectrogramsSettings()
    cpu_s = {librosa_image: [], mel_image: []}
    for _ in range(7):
        for function, measured in cpu_s.items():
            start = time.thread_time()
            function(samples, settings)
            measured.append(time.thread_time() - start)
    assert np.median(cpu_s[mel_image]) < 0.5 * np.median(cpu_s[librosa_image])
