import tracemalloc

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.signal import resample_poly

from musqa_pipeline.audio.constants import EXCERPT_SAMPLES, TAIL_SAMPLES
from musqa_pipeline.audio.excerpts.cut import Window, find_window, level
from musqa_pipeline.audio.files.flac import reference_audio, to_flac, to_int16
from musqa_pipeline.audio.measures.loudness import gain_to_target_db, integrated_lufs
from musqa_pipeline.core.errors import UnfitInputError
from tests.audio.bombs import BOMBS, rf64_header
from tests.audio.sounds import noise, write

TOTAL = EXCERPT_SAMPLES + TAIL_SAMPLES


def window_of(path, start, rate_hz=48_000, least_lufs=-60.0):
    return find_window(path, [start], sample_rate_hz=rate_hz, least_lufs=least_lufs)


def test_at_48_khz_the_samples_are_those_of_the_file(tmp_path):
    samples = noise(12.0, channels=2)
    path = write(tmp_path / "a.wav", samples, subtype="FLOAT")
    window = window_of(path, 12_345)
    assert window.start_frame == 12_345
    assert not window.tail_mirrored
    np.testing.assert_allclose(
        window.samples, samples[12_345 : 12_345 + TOTAL].mean(axis=1), atol=1e-7
    )


def test_a_tail_mirrors_the_end_where_the_track_ends(tmp_path):
    samples = noise(10.1)
    path = write(tmp_path / "a.wav", samples, subtype="FLOAT")
    window = window_of(path, 3_000)
    assert window.tail_mirrored
    scored = window.samples[:EXCERPT_SAMPLES]
    np.testing.assert_array_equal(scored, samples[3_000 : 3_000 + EXCERPT_SAMPLES, 0])
    np.testing.assert_array_equal(
        window.samples[EXCERPT_SAMPLES:], scored[-2 : -2 - TAIL_SAMPLES : -1]
    )


@pytest.mark.parametrize("rate_hz", [8_000, 44_100, 96_000])
def test_other_rates_are_resampled_without_shift(tmp_path, rate_hz):
    t = np.arange(12 * rate_hz) / rate_hz
    tone = (0.2 * np.sin(2 * np.pi * 1_000 * t))[:, None]
    path = write(tmp_path / "a.wav", tone, rate_hz, subtype="FLOAT")
    start = rate_hz  # one second: 1000 whole periods, so that the phase at the cut is zero
    window = window_of(path, start, rate_hz)
    expected = 0.2 * np.sin(2 * np.pi * 1_000 * np.arange(TOTAL) / 48_000)
    assert window.samples.shape == (TOTAL,)
    np.testing.assert_allclose(window.samples, expected, atol=2e-4)


def test_resampling_agrees_with_scipy_inside_its_band(tmp_path):
    samples = noise(10.5, rate_hz=44_100)
    samples = resample_poly(resample_poly(samples, 1, 4), 4, 1).astype(np.float32)
    path = write(tmp_path / "a.wav", samples, 44_100, subtype="FLOAT")
    expected = resample_poly(samples[:, 0].astype(np.float64), 160, 147)
    window = window_of(path, 0, 44_100)
    inner = slice(2_000, EXCERPT_SAMPLES)
    error = window.samples[inner] - expected[inner]
    assert np.sqrt(np.mean(error**2)) < 1e-3 * np.sqrt(np.mean(expected[inner] ** 2))


def test_quiet_windows_are_passed_over(tmp_path):
    samples = noise(30.0, rate_hz=8_000)
    samples[: 15 * 8_000] *= 1e-3
    path = write(tmp_path / "a.wav", samples, 8_000, subtype="FLOAT")
    window = find_window(path, [0, 20_000, 150_000], sample_rate_hz=8_000, least_lufs=-40.0)
    assert window.start_frame == 150_000
    assert find_window(path, [0, 20_000], sample_rate_hz=8_000, least_lufs=-40.0) is None


def test_a_mono_mix_that_cancels_gives_nothing(tmp_path):
    left = noise(10.5, rate_hz=8_000)
    path = write(tmp_path / "a.wav", np.hstack([left, -left]), 8_000, subtype="FLOAT")
    assert window_of(path, 0, 8_000) is None


def whole(samples):
    return Window(0, samples, integrated_lufs(samples[:EXCERPT_SAMPLES]), False)


@settings(max_examples=5)
@given(level_db=st.floats(-35, 10))
def test_any_level_ends_at_the_target_loudness(level_db):
    samples = noise(TOTAL / 48_000)[:, 0] * np.float32(10 ** (level_db / 20))
    excerpt = level(whole(samples), -23.0)
    stored = excerpt.samples[:EXCERPT_SAMPLES] / 32_768
    assert integrated_lufs(stored) == pytest.approx(-23.0, abs=0.01)
    assert excerpt.loudness_lufs == pytest.approx(integrated_lufs(stored), abs=1e-9)
    assert excerpt.peak == np.abs(stored).max()
    assert excerpt.n_clipped_samples == 0
    np.testing.assert_allclose(
        excerpt.samples / 32_768, samples * 10 ** (excerpt.gain_db / 20), atol=0.51 / 32_768
    )


def test_clipping_of_the_ten_seconds_is_counted_and_not_hidden():
    samples = noise(TOTAL / 48_000)[:, 0]
    samples[100] = 40.0
    samples[200] = -40.0
    samples[EXCERPT_SAMPLES + 5] = 40.0
    excerpt = level(whole(samples), -23.0)
    assert excerpt.n_clipped_samples == 2
    assert (excerpt.samples[100], excerpt.samples[200]) == (32_767, -32_768)
    assert excerpt.samples[EXCERPT_SAMPLES + 5] == 32_767
    assert excerpt.peak == 1.0


def test_silence_has_no_gain():
    with pytest.raises(ValueError, match="measured_lufs=-inf: expected finite; drop the signal"):
        gain_to_target_db(integrated_lufs(np.zeros(48_000)), -23.0)


def test_flac_keeps_every_16_bit_sample_and_its_bytes_repeat(tmp_path):
    samples = np.random.default_rng(0).integers(-32_768, 32_768, 20_000).astype(np.int16)
    flac = to_flac(samples)
    np.testing.assert_array_equal(reference_audio(flac) * 32_768, samples)
    assert reference_audio(flac).dtype == np.float32
    assert to_flac(samples) == flac
    (tmp_path / "a.flac").write_bytes(flac)
    assert soundfile.info(tmp_path / "a.flac").samplerate == 48_000


def test_rounding_is_to_the_nearest_step():
    steps = np.array([0.0, 0.4, 0.6, -0.6, 1.4, -1.4]) / 32_768
    assert to_int16(steps).tolist() == [0, 0, 1, -1, 1, -1]


def test_many_channels_of_a_high_rate_are_not_held_in_memory(tmp_path):
    path, n_bytes = tmp_path / "wide.wav", 11 * 96_000 * 64 * 4
    with path.open("wb") as file:
        file.write(rf64_header(96_000, 64, n_bytes))
        file.truncate(80 + n_bytes)
    tracemalloc.start()
    assert window_of(path, 0, 96_000) is None
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak_bytes < 60e6 < n_bytes / 4


def test_a_file_that_changed_to_another_shape_is_refused(tmp_path):
    path = tmp_path / "a.wav"
    BOMBS["65 channels.wav"](path)
    with pytest.raises(UnfitInputError, match="odd_format: 65 channels; give it 1 to 64"):
        window_of(path, 0)
    with pytest.raises(UnfitInputError, match=r"damaged: no audio at 11\.0 s; get the file"):
        window_of(write(path, noise(11.0)), 11 * 48_000 + 4_800)
