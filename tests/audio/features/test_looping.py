import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.signal import butter, sosfilt, sosfiltfilt

from musqa_pipeline.audio.constants import EXCERPT_SAMPLES
from musqa_pipeline.audio.features.looping import SEAM_S, loop_to_excerpt

SEAM = round(SEAM_S * 48_000)


def noise(n, seed=0):
    return (0.1 * np.random.default_rng(seed).standard_normal(n)).astype(np.float32)


@settings(max_examples=40, deadline=None)
@given(n=st.integers(1, EXCERPT_SAMPLES - 1))
def test_what_is_shorter_begins_as_it_was_and_fills_ten_seconds(n):
    short = noise(n)
    excerpt, looped = loop_to_excerpt(short)
    assert looped
    assert (excerpt.shape, excerpt.dtype) == ((EXCERPT_SAMPLES,), np.float32)
    seam = min(SEAM, n // 4)
    np.testing.assert_array_equal(excerpt[: n - seam], short[: n - seam])
    assert np.abs(excerpt).max() <= np.sqrt(2) * np.abs(short).max() * (1 + 1e-6)


def test_what_lasts_ten_seconds_is_the_same_array():
    whole = noise(EXCERPT_SAMPLES)
    excerpt, looped = loop_to_excerpt(whole)
    assert excerpt is whole
    assert not looped


def test_repeats_follow_each_other_every_length_less_a_seam():
    excerpt, _ = loop_to_excerpt(noise(100_000))
    period = 100_000 - SEAM
    np.testing.assert_array_equal(excerpt[period : 2 * period], excerpt[2 * period : 3 * period])


def test_a_seam_makes_no_click_where_the_music_has_nothing():
    dull = sosfiltfilt(butter(8, 3_000, fs=48_000, output="sos"), noise(340_000))
    dull = dull[20_000:260_000].astype(np.float32)  # its ends are in the midst of the music
    treble = butter(8, 8_000, "high", fs=48_000, output="sos")

    def loudest_treble_db(x):
        heard = np.abs(sosfilt(treble, x.astype(np.float64)))[2_400:-2_400]
        return 20 * np.log10(heard.max() / np.abs(dull).max())

    floor_db = loudest_treble_db(dull)
    assert loudest_treble_db(np.resize(dull, EXCERPT_SAMPLES)) > floor_db + 40
    assert loudest_treble_db(loop_to_excerpt(dull)[0]) < floor_db + 1


def test_a_seam_is_as_loud_as_the_music_around_it():
    excerpt, _ = loop_to_excerpt(noise(240_000))
    at_seam = excerpt[240_000 - SEAM : 240_000]
    assert np.std(at_seam) == pytest.approx(0.1, rel=0.05)
    assert np.std(excerpt[:200_000]) == pytest.approx(0.1, rel=0.05)
