"""Clipping."""

import numpy as np
import pytest

from musqa_pipeline.scoring.detectors.clipping import find
from musqa_pipeline.scoring.detectors.section import Section

RATE_HZ = 44_100
TIME_S = np.arange(2 * RATE_HZ) / RATE_HZ
MUSIC = (
    0.5 * np.sin(2 * np.pi * 220 * TIME_S)
    + 0.3 * np.sin(2 * np.pi * 613 * TIME_S)
    + 0.02 * np.random.default_rng(0).standard_normal(len(TIME_S))
)


def found(samples, dither=0.0):
    steps = samples * 32_768 + dither * np.random.default_rng(1).uniform(-1, 1, len(samples))
    return find(Section((np.round(steps) / 32_768).astype(np.float32)[:, None], RATE_HZ))


@pytest.mark.parametrize("clip_db", [1, 3, 6, 12])
@pytest.mark.parametrize("gain_db", [0, -14])
def test_clipping_is_found_at_any_level_and_under_dither(clip_db, gain_db):
    top = np.abs(MUSIC).max() * 10 ** (-clip_db / 20)
    clipped = np.clip(MUSIC, -top, top) / top * 0.99 * 10 ** (gain_db / 20)
    events = found(clipped, dither=1.0)
    assert [e.start_s for e in events] == [0.0, 1.0]
    level_dbfs = 20 * np.log10(0.99) + gain_db
    assert events[0].details["level_dbfs"] == pytest.approx(level_dbfs, abs=0.1)


def test_the_strength_grows_with_the_clipping():
    top = np.abs(MUSIC).max()
    strengths = [found(np.clip(MUSIC, -top / c, top / c))[0].strength for c in (1.2, 1.5, 3.0)]
    assert strengths == sorted(strengths)
    assert strengths[-1] > 0.1


@pytest.mark.parametrize("hz", [25, 50, 110, 1_000, 5_000, 11_025])
def test_a_sine_has_round_tops(hz):
    assert found(0.9 * np.sin(2 * np.pi * hz * TIME_S + 0.3)) == []


def test_music_that_touches_full_scale_is_not_clipped():
    assert found(MUSIC / np.abs(MUSIC).max() * 32_767 / 32_768) == []


def test_one_sided_clipping_counts():
    assert found(np.minimum(MUSIC, 0.5))
