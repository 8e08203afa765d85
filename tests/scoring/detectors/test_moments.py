"""Clicks and dropouts: what is one, and what only looks like one."""

import numpy as np
import pytest

from musqa_pipeline.scoring.detectors import clicks, dropouts
from musqa_pipeline.scoring.detectors.section import Section
from tests.scoring.detectors.music import RATE_HZ, castanets

TIME_S = np.arange(3 * RATE_HZ) / RATE_HZ
NOISE = 0.02 * np.random.default_rng(0).standard_normal(len(TIME_S))
TONE = 0.3 * np.sin(2 * np.pi * 220 * TIME_S) + NOISE


def starts(detector, samples):
    samples = np.asarray(samples, np.float32)
    section = Section(samples.reshape(len(samples), -1), RATE_HZ, 5.0)
    return [f.start_s for f in detector.find(section)]


def test_a_click_in_one_channel_is_found_at_its_time():
    right = TONE.copy()
    right[RATE_HZ] += 1.5
    assert starts(clicks, np.stack([TONE, right], axis=1)) == pytest.approx([6.0], abs=0.001)
    assert starts(clicks, TONE) == []


def test_a_buzzing_bass_and_strokes_do_not_click():
    saw = 0.5 * ((45 * TIME_S) % 1.0) + 0.1 * NOISE
    assert starts(clicks, saw) == []
    assert starts(clicks, castanets(5, 3.0)) == []


def test_clicks_are_counted_in_one_event():
    found = clicks.find(
        Section((TONE + 2.0 * (np.arange(len(TONE)) % 30_000 == 9_000))[:, None], RATE_HZ)
    )
    assert len(found) == 5
    joined = clicks.CLICK.join(clicks.CLICK.join(found[0], found[1]), found[2])
    assert joined.strength == 3
    assert clicks.CLICK.say(joined) == "3 clicks within 1.3 s"
    assert clicks.CLICK.say(found[0]) == "a click"


@pytest.mark.parametrize("ms", [2, 10, 400])
@pytest.mark.parametrize("value", [0.0, 0.1])
def test_a_gap_is_found_with_its_length(ms, value):
    samples = TONE.copy()
    samples[RATE_HZ : RATE_HZ + ms * RATE_HZ // 1000] = value
    (finding,) = dropouts.find(Section(samples[:, None].astype(np.float32), RATE_HZ))
    assert finding.start_s == pytest.approx(1.0, abs=0.001)
    assert finding.details["longest_ms"] == pytest.approx(ms, abs=1.0)
    assert "dropout of" in dropouts.DROPOUT.say(finding)


def test_a_rest_is_no_dropout():
    faded = TONE * np.clip(np.abs(TIME_S - 1.5) * 20 - 1, 0, 1)  # fades out, rests, fades in
    assert starts(dropouts, faded) == []
    louder = TONE.copy()
    louder[RATE_HZ : RATE_HZ + 9_600] = 0.0
    louder[:RATE_HZ] *= 0.05  # what follows the silence is a new, loud note
    assert starts(dropouts, louder) == []
    ends = TONE.copy()
    ends[RATE_HZ:] = 0.0
    assert starts(dropouts, ends) == []


def test_a_flat_top_is_clipping_and_no_held_sample():
    deep = np.clip(3 * np.sin(2 * np.pi * 60 * TIME_S), -0.4, 0.4)
    assert starts(dropouts, deep) == []
