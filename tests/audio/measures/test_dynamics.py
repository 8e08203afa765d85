"""Loudness range and crest factor, against the standard's own signals and pyloudnorm."""

import numpy as np
import pyloudnorm
import pytest

from musqa_pipeline.audio.measures.dynamics import crest_factor_db, loudness_range_lu

RATE_HZ = 48_000


def steps(*levels_db, each_s=20):
    """Stereo sines of 1 kHz, one level after the other, as EBU Tech 3342 has them."""
    seconds = np.arange(each_s * RATE_HZ) / RATE_HZ
    sine = np.sin(2 * np.pi * 1_000 * seconds)
    whole = np.concatenate([10 ** (level / 20) * sine for level in levels_db])
    return np.stack([whole, whole], axis=1).astype(np.float32)


@pytest.mark.parametrize(
    ("levels_db", "expected_lu"),
    [((-20, -30), 10), ((-20, -15), 5), ((-40, -20), 20), ((-50, -35, -20, -35, -50), 15)],
)
def test_the_signals_of_the_standard_have_its_ranges(levels_db, expected_lu):
    assert loudness_range_lu([steps(*levels_db)], RATE_HZ) == pytest.approx(expected_lu, abs=1)


def test_music_like_noise_has_the_range_that_pyloudnorm_finds():
    rng = np.random.default_rng(0)
    swell = 10 ** (
        np.interp(np.arange(40 * RATE_HZ) / RATE_HZ, [0, 9, 20, 40], [-30, -3, -18, 0]) / 20
    )
    x = (0.3 * swell[:, None] * rng.standard_normal((40 * RATE_HZ, 2))).astype(np.float32)
    expected_lu = pyloudnorm.Meter(RATE_HZ).loudness_range(x.astype(np.float64))
    # It counts 1.5 s of silence behind the end, too; the standard allows 1 LU.
    assert loudness_range_lu([x], RATE_HZ) == pytest.approx(expected_lu, abs=1)


def test_parts_count_together_and_no_window_reaches_over_their_borders():
    loud, soft = steps(-20), steps(-30)
    assert loudness_range_lu([loud, soft], RATE_HZ) == pytest.approx(10, abs=0.1)
    assert loudness_range_lu([loud], RATE_HZ) == pytest.approx(0, abs=0.1)


def test_what_is_silent_or_shorter_than_a_window_has_no_range():
    assert loudness_range_lu([np.zeros((10 * RATE_HZ, 2), np.float32)], RATE_HZ) is None
    assert loudness_range_lu([steps(-20, each_s=2)], RATE_HZ) is None
    assert loudness_range_lu([], RATE_HZ) is None


def test_the_crest_factor_is_peak_over_rms():
    assert crest_factor_db([steps(-20)]) == pytest.approx(3.01, abs=0.01)
    assert crest_factor_db([np.ones((100, 1), np.float32), -np.ones((50, 1), np.float32)]) == 0
    pulses = np.zeros((1_000, 1), np.float32)
    pulses[::100] = 0.5
    assert crest_factor_db([pulses]) == pytest.approx(20, abs=0.01)
    assert crest_factor_db([np.zeros((100, 2), np.float32)]) is None
    assert crest_factor_db([]) is None
