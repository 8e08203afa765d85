"""What sampled music has in common with records, and that its dark pieces are dark by nature."""

import numpy as np
import pyloudnorm
import pytest
from scipy.signal import welch

from musqa_pipeline.catalogs.demo_music.harmony import SCALES, Song
from musqa_pipeline.catalogs.demo_music.notes import Note
from musqa_pipeline.catalogs.sampled_music.players import PLAYERS, Seat, record, voice
from musqa_pipeline.catalogs.sampled_music.styles import BRIGHT_STYLES, DARK_STYLES

STYLES = {style.name: style for style in (*DARK_STYLES, *BRIGHT_STYLES)}
EACH_STYLE = pytest.mark.parametrize("name", STYLES)


def track_of(tracks, name):
    (file,) = (file for file in tracks if file[4:-5] == name.replace(" ", "-"))
    return tracks[file]


def treble_db(stereo, low_hz=5_000.0):
    """Energy above a frequency, relative to all of it."""
    hz, power = welch(stereo.mean(axis=0), 48_000, nperseg=8_192)
    return 10 * np.log10(power[hz >= low_hz].sum() / power.sum())


@EACH_STYLE
def test_a_track_is_stereo_stays_below_full_scale_and_is_never_silent(tracks, name):
    track = track_of(tracks, name)
    assert np.abs(track).max() <= 10 ** (-1 / 20) + 2**-22
    assert np.any(track[0] != track[1])
    frames = track.mean(axis=0).reshape(-1, 9_600)
    assert 10 * np.log10(np.mean(frames**2, axis=1)).min() > -75
    loudness = pyloudnorm.Meter(48_000).integrated_loudness(track.T)
    low, high = STYLES[name].loudness_lufs
    assert low - 5 < loudness < high + 1


def test_dark_styles_are_darker_than_bright_ones(tracks):
    dark, bright = (
        np.array([treble_db(track_of(tracks, style.name)) for style in styles])
        for styles in (DARK_STYLES, BRIGHT_STYLES)
    )
    assert np.median(dark) < np.median(bright) - 12
    assert dark.max() < np.median(bright)


@EACH_STYLE
def test_every_player_is_known_and_plays_within_its_range(name):
    for seed in range(4):
        rng = np.random.default_rng(seed)
        song = Song(8.0, 100.0, 40, SCALES["minor"], (0, 5, 3, 4))
        for seat in STYLES[name].line_up(song, rng):
            player = PLAYERS[seat.player]
            played = voice(seat, 8.0, rng)
            assert len(played.notes) == len(seat.notes)
            assert all(player.low <= note.pitch <= player.high for note in played.notes)


def burst(level_db=0.0):
    """Return half a second of silence, then a second of noise, stereo."""
    sound = np.zeros((2, 96_000))
    sound[:, 24_000:72_000] = np.random.default_rng(0).standard_normal(48_000)
    return 0.1 * 10 ** (level_db / 20) * sound


def test_bow_and_breath_are_heard_while_the_instrument_plays_and_only_then():
    tone = np.zeros((2, 96_000))
    tone[:, 24_000:72_000] = 0.2 * np.sin(2 * np.pi * 440 / 48_000 * np.arange(48_000))
    rng = np.random.default_rng(0)
    bowed = record(tone, Seat("violin", []), rng)
    plain = record(tone, Seat("saw lead", []), rng)
    held = slice(36_000, 60_000)
    between = [treble_db(x[:, held], 2_000.0) for x in (bowed, plain)]
    assert between[0] > between[1] + 15
    assert np.abs(bowed[:, :20_000]).max() < 1e-6


def test_soft_moments_are_duller_than_loud_ones_of_the_same_player():
    loud_then_soft = np.concatenate([burst(), burst(-24)], axis=1)
    heard = record(loud_then_soft, Seat("piano", []), np.random.default_rng(0))
    loud, soft = treble_db(heard[:, 30_000:66_000]), treble_db(heard[:, 126_000:162_000])
    assert soft < loud - 4
    heard = record(loud_then_soft, Seat("saw lead", []), np.random.default_rng(0))
    loud, soft = treble_db(heard[:, 30_000:66_000]), treble_db(heard[:, 126_000:162_000])
    assert soft == pytest.approx(loud, abs=0.5)


def test_a_seat_is_heard_from_where_it_is():
    left = record(burst(), Seat("saw lead", [Note(0, 1)], pan=-1.0), np.random.default_rng(0))
    assert np.abs(left[1]).max() < 1e-9
    middle = record(burst(), Seat("saw lead", [Note(0, 1)]), np.random.default_rng(0))
    np.testing.assert_allclose(middle[0], middle[1])
