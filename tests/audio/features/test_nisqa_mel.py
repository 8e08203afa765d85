"""NISQA's mel image, against librosa with the settings that NISQA gives it."""

import librosa
import numpy as np
import pytest
import soundfile as sf
import soxr

from musqa_pipeline.audio.constants import EXCERPT_SAMPLES, SAMPLE_RATE_HZ
from musqa_pipeline.audio.features.looping import loop_to_excerpt
from musqa_pipeline.audio.features.mel import decode_cells, encode_cells
from musqa_pipeline.audio.features.nisqa_mel import N_BANDS, N_FRAMES, RANGE_DB, nisqa_mel
from musqa_pipeline.core.errors import UnfitInputError
from tests.audio.features.test_mel import MUSIC, SIGNALS, noise, plucked_chords_and_noise_bursts


def librosa_levels_db(samples):
    magnitude = librosa.feature.melspectrogram(
        y=samples, sr=SAMPLE_RATE_HZ, n_fft=4096, win_length=960, hop_length=480, window="hann",
        center=True, pad_mode="reflect", power=1.0, n_mels=48, fmin=0.0, fmax=20_000.0,
    )  # fmt: skip
    return librosa.amplitude_to_db(magnitude, ref=1.0, amin=1e-4, top_db=80.0).T


def levels_db(mel):
    return mel.max_db - RANGE_DB * (1.0 - mel.image)


@pytest.mark.parametrize("signal", SIGNALS)
def test_levels_are_librosas_decibels(signal):
    samples = signal().astype(np.float32)
    mel = nisqa_mel(samples)
    assert mel.image.shape == (N_FRAMES, N_BANDS) == (1001, 48)
    assert mel.image.dtype == np.float32
    assert mel.image.flags.c_contiguous
    expected = librosa_levels_db(samples)
    np.testing.assert_allclose(levels_db(mel), expected, rtol=0, atol=1e-3)
    assert mel.max_db == pytest.approx(expected.max(), abs=1e-3)
    assert mel.min_db == pytest.approx(expected.min(), abs=1e-3)
    assert mel.image.max() == 1.0


def test_real_music_has_librosas_levels():
    if not MUSIC.is_dir():
        pytest.skip("needs ../shared/music")
    samples, rate_hz = sf.read(sorted(MUSIC.glob("*.flac"))[8], dtype="float32", always_2d=True)
    samples = soxr.resample(samples.mean(axis=1), rate_hz, SAMPLE_RATE_HZ)[:EXCERPT_SAMPLES]
    expected = librosa_levels_db(samples)
    np.testing.assert_allclose(levels_db(nisqa_mel(samples)), expected, rtol=0, atol=1e-3)


def test_a_gain_moves_no_cell_until_the_floor_cuts_in():
    samples = plucked_chords_and_noise_bursts().astype(np.float32)
    mel, louder, quiet = (nisqa_mel(samples * gain) for gain in (1.0, 2.0, np.float32(1e-3)))
    assert mel.max_db > 0
    assert louder.max_db == pytest.approx(mel.max_db + 20 * np.log10(2), abs=1e-4)
    np.testing.assert_allclose(louder.image[mel.image > 0.1], mel.image[mel.image > 0.1], atol=1e-6)
    assert quiet.max_db == pytest.approx(mel.max_db - 60, abs=1e-3)
    assert quiet.min_db == pytest.approx(-80.0, abs=1e-4)
    assert quiet.image.min() == pytest.approx(-quiet.max_db / RANGE_DB, abs=1e-6)


def test_a_stored_cell_is_off_by_a_sixth_of_a_decibel_at_most():
    image = nisqa_mel(noise().astype(np.float32)).image
    error = np.abs(decode_cells(encode_cells(image, "uint8")) - image).max()
    assert 0 < RANGE_DB * error <= 0.157


def test_a_short_signal_is_repeated():
    samples = noise().astype(np.float32)[:100_000]
    mel = nisqa_mel(samples)
    assert mel.looped
    np.testing.assert_array_equal(mel.image, nisqa_mel(loop_to_excerpt(samples)[0]).image)


def bad(index, value):
    samples = noise().astype(np.float32)
    samples[index] = value
    return samples


@pytest.mark.parametrize(
    ("samples", "message"),
    [
        (np.zeros(EXCERPT_SAMPLES, np.float32), "silent"),
        (np.full(EXCERPT_SAMPLES, 1e-9, np.float32), "silent"),
        (np.zeros(0, np.float32), "0 samples"),
        (np.zeros((2, 4_800), np.float32), "mix it to one channel"),
        (np.ones(EXCERPT_SAMPLES + 1, np.float32), "at most 10 s"),
        (bad(7, np.nan), "1 samples are NaN or infinite"),
        (bad(7, np.inf), "1 samples are NaN or infinite"),
    ],
    ids=["silence", "nearly silence", "empty", "stereo", "long", "nan", "inf"],
)
def test_rubbish_is_refused_with_a_reason(samples, message):
    with pytest.raises(UnfitInputError, match=message):
        nisqa_mel(samples)
