import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from musqa_pipeline.catalogs.demo_music import lines, patterns
from musqa_pipeline.catalogs.demo_music.harmony import SCALES, Song


def song_in(scale="minor", **changes):
    values = {
        "duration_s": 8.0,
        "tempo_bpm": 120.0,
        "root": 40,
        "scale": SCALES[scale],
        "progression": (0, 5, 3, 4),
        "looseness_s": 0.0,
    }
    return Song(**{**values, **changes})


@pytest.fixture
def rng():
    return np.random.default_rng(9)


@given(degree=st.integers(-20, 20), octave=st.integers(0, 5), scale=st.sampled_from(list(SCALES)))
def test_seven_degrees_up_is_an_octave_and_each_degree_is_higher_than_the_last(
    degree, octave, scale
):
    song = song_in(scale)
    assert song.pitch(degree + 7, octave) == song.pitch(degree, octave) + 12
    assert song.pitch(degree + 1, octave) > song.pitch(degree, octave)


@given(bar=st.integers(0, 20), thirds=st.integers(3, 5), scale=st.sampled_from(list(SCALES)))
def test_a_chord_is_made_of_notes_of_the_scale_within_one_octave(bar, thirds, scale):
    song = song_in(scale, thirds=thirds)
    chord = song.chord(bar, 2)
    assert len(chord) == thirds
    assert {(p - song.root) % 12 for p in chord} <= set(song.scale)
    assert song.root + 24 <= min(chord) <= max(chord) < song.root + 36


def test_a_major_key_has_the_chords_of_the_textbook():
    song = song_in("major", root=36, progression=(0, 3, 4, 5))
    classes = [sorted(p % 12 for p in song.chord(bar, 1)) for bar in range(4)]
    assert classes == [[0, 4, 7], [0, 5, 9], [2, 7, 11], [0, 4, 9]]  # C, F, G, a minor


def test_swing_delays_off_beats_and_nothing_else():
    straight, swung = song_in(), song_in(swing=0.15)
    for beat in (0.0, 0.25, 1.0, 1.75):
        assert swung.seconds_at(beat) == straight.seconds_at(beat)
    assert swung.seconds_at(2.5) - straight.seconds_at(2.5) == pytest.approx(0.15 * 0.5)


def test_a_step_pattern_is_played_where_it_is_written(rng):
    notes = patterns.hits(song_in(), rng, "9... ..5. .... ....", vary=0.0)
    starts = [note.start_s for note in notes]
    assert starts[:4] == pytest.approx([0.0, 0.75, 2.0, 2.75])
    loud, soft = (np.mean([n.velocity for n in notes[i::2]]) for i in (0, 1))
    assert loud > 1.4 * soft


def test_a_strum_goes_down_then_up(rng):
    notes = patterns.chords(song_in(), rng, "7.7.", spread_s=0.03)
    down, up = [n.pitch for n in notes[:3]], [n.pitch for n in notes[3:6]]
    assert down == sorted(down)
    assert up == down[::-1]
    assert notes[2].start_s - notes[0].start_s == pytest.approx(0.03)


def test_power_chords_follow_the_roots_of_the_progression(rng):
    song = song_in("minor", root=40)
    notes = patterns.chords(song, rng, "9", octave=1, pitches=(0, 7, 12))
    roots = [(n.pitch - song.root) % 12 for n in notes[::3]]
    assert roots[:4] == [0, 8, 5, 7]
    assert notes[1].pitch - notes[0].pitch == 7 or notes[0].pitch - notes[1].pitch == 5


def test_a_melody_stays_in_the_key_and_puts_a_chord_note_on_each_bar(rng):
    song = song_in("dorian")
    notes = lines.melody(song, rng, octave=3, density=0.7)
    assert {int(n.pitch - song.root) % 12 for n in notes} <= set(song.scale)
    for bar in range(song.n_bars):
        starts_s = bar * 4 * song.beat_s
        first = [n for n in notes if n.start_s == pytest.approx(starts_s)]
        chord = {(p - song.root) % 12 for p in song.chord(bar, 0)}
        assert all(int(n.pitch - song.root) % 12 in chord for n in first)
    assert len({n.pitch for n in notes}) >= 4


def test_a_walking_bass_reaches_each_new_root_by_a_semitone(rng):
    song = song_in("major")
    notes = lines.walking_bass(song, rng)
    for bar in range(song.n_bars - 1):
        assert abs(notes[4 * bar + 3].pitch - notes[4 * bar + 4].pitch) == 1


def test_an_arpeggio_keeps_its_order_from_bar_to_bar(rng):
    song = song_in(progression=(0,))
    notes = patterns.arpeggio(song, rng, per_beat=2)
    pitches = np.array([n.pitch for n in notes]).reshape(song.n_bars, 8)
    assert np.all(pitches == pitches[0])
    assert len(set(pitches[0])) >= 3


def test_notes_of_every_pattern_fill_the_piece(rng):
    song = song_in(duration_s=10.0, tempo_bpm=97.0)
    for notes in (
        patterns.hits(song, rng, "9...9..."),
        patterns.chords(song, rng, "7...5..."),
        lines.bass(song, rng, "7...5..."),
        lines.walking_bass(song, rng),
        patterns.arpeggio(song, rng),
        lines.melody(song, rng),
        patterns.bed(song),
    ):
        assert notes[0].start_s < 0.7
        assert max(n.start_s + n.duration_s for n in notes) > 9.0
        assert all(0 < n.velocity <= 1 for n in notes)
        assert all(n.duration_s > 0 for n in notes)
