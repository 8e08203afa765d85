"""Music of few sounds: who plays, and that it is heard."""

import numpy as np
import pytest

from musqa_pipeline.catalogs.demo_music.harmony import SCALES, Song
from musqa_pipeline.catalogs.sampled_music.catalog import SampledPlan
from musqa_pipeline.catalogs.sampled_music.solo_line_ups import castanets, percussion, solo
from musqa_pipeline.catalogs.sampled_music.styles import BRIGHT_STYLES, UNUSUAL_STYLES

SONG = Song(8.0, 100.0, 40, SCALES["minor"], (0, 5, 3, 4))


def keys_of(seats):
    return [sorted({round(note.pitch) for note in seat.notes}) for seat in seats]


def test_a_third_of_the_percussion_is_castanets_and_nothing_else():
    pieces = [keys_of(percussion(SONG, np.random.default_rng(seed))) for seed in range(300)]
    assert sum(piece == [[85]] for piece in pieces) == pytest.approx(105, abs=25)
    assert {len(piece) for piece in pieces} == {1, 2, 3, 4}
    assert all(len(seat) == 1 for piece in pieces for seat in piece)  # each has one key
    assert keys_of(castanets(SONG, np.random.default_rng(0))) == [[85]]


def test_a_solo_is_one_line():
    for seed in range(20):
        (seat,) = solo(SONG, np.random.default_rng(seed))
        starts = sorted(note.start_s for note in seat.notes)
        assert len(starts) > 5
        assert np.median(np.diff(starts)) > 0.1


@pytest.mark.parametrize("style", UNUSUAL_STYLES, ids=lambda style: style.name)
def test_music_of_few_sounds_is_heard(font, style):
    sound = SampledPlan(0, 3, 4.0, style, font).samples()
    assert np.abs(sound).max() <= 10 ** (-1 / 20) + 2**-22
    seconds = sound.mean(axis=0).reshape(4, -1)
    assert 10 * np.log10(np.mean(seconds**2, axis=1)).min() > -60


def test_sound_design_trains_nothing():
    trained = {style.line_up for style in BRIGHT_STYLES}
    assert {s.name for s in UNUSUAL_STYLES if s.line_up not in trained} == {
        "castanets", "solo voice", "sound design",
    }  # fmt: skip
