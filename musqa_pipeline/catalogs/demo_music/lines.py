"""Lines: bass figures, walking basses and melodies over the chords of a piece."""

from __future__ import annotations

import numpy as np

from musqa_pipeline.catalogs.demo_music.harmony import Song
from musqa_pipeline.catalogs.demo_music.notes import Note
from musqa_pipeline.catalogs.demo_music.patterns import loose, strokes, touch


def bass(
    song: Song,
    rng: np.random.Generator,
    steps: str,
    *,
    octave: int = 0,
    duration_beats: float = 0.5,
    intervals: tuple[int, ...] = (0, 0, 7, 12, 10),
) -> list[Note]:
    """Play a bass figure: the root on the first stroke, then notes of the chord by chance."""
    figure_strokes = strokes(steps)
    figure = [0, *rng.choice(intervals, max(len(figure_strokes) - 1, 0))]
    notes = []
    for bar in range(song.n_bars):
        bottom = song.root + 12 * octave
        root = bottom + (song.pitch(song.chord_degree(bar)) - bottom) % 12
        for (position, wanted), interval in zip(figure_strokes, figure, strict=True):
            start_s = loose(song, rng, (bar + position) * song.beats_per_bar)
            velocity = touch(rng, wanted)
            notes.append(Note(start_s, duration_beats * song.beat_s, root + interval, velocity))
    return notes


def walking_bass(song: Song, rng: np.random.Generator, *, octave: int = 0) -> list[Note]:
    """Walk from root to root in quarters, with a leading tone before each change."""
    notes = []
    for bar in range(song.n_bars):
        degree, target = song.chord_degree(bar), song.chord_degree(bar + 1)
        for beat in range(song.beats_per_bar):
            step = int(rng.choice([2, 4, 1, 3])) if beat else 0
            pitch = song.pitch(degree + step, octave)
            if beat == song.beats_per_bar - 1:
                pitch = song.pitch(target, octave) + int(rng.choice([-1, 1]))
            start_s = loose(song, rng, bar * song.beats_per_bar + beat)
            velocity = touch(rng, 0.75)
            notes.append(Note(start_s, 0.92 * song.beat_s, pitch, velocity))
    return notes


def melody(
    song: Song,
    rng: np.random.Generator,
    *,
    octave: int = 3,
    density: float = 0.6,
    per_beat: int = 2,
    legato: float = 0.95,
    velocity: float = 0.7,
) -> list[Note]:
    """Sing a tune: a motif of two bars that comes back, steps mostly small, ends on chord notes."""
    n = 2 * song.beats_per_bar * per_beat
    sounding = rng.uniform(size=n) < density
    sounding[0] = True
    moves = rng.choice([-3, -2, -1, -1, 0, 1, 1, 2, 4], n)
    events: list[tuple[float, int, float]] = []
    place = int(rng.integers(-1, 4))
    for cell in range((song.n_bars + 1) // 2):
        answer = cell % 2 == 1
        for i in np.flatnonzero(sounding):
            bar = 2 * cell + int(i) // (n // 2)
            move = -moves[i] if answer and i >= n // 2 else moves[i]
            place += int(move) - int(np.sign(place - 2)) * (abs(place - 2) > 4) * 2
            degree = place
            if i % (n // 2) == 0:  # the first of a bar is a note of the chord
                chord = [song.chord_degree(bar) + 2 * k + 7 * o for k in range(3) for o in (-1, 0)]
                degree = place = min(chord, key=lambda d: abs(d - degree))
            beat = (2 * cell * song.beats_per_bar) + i / per_beat
            events.append((beat, song.pitch(degree, octave), 1.1 if i % per_beat == 0 else 0.9))
    ends = [beat for beat, _, _ in events[1:]] + [song.n_bars * song.beats_per_bar]
    return [
        Note(
            loose(song, rng, beat),
            max(legato * (min(end - beat, 4.0)) * song.beat_s, 0.08),
            pitch,
            touch(rng, velocity * accent),
        )
        for (beat, pitch, accent), end in zip(events, ends, strict=True)
    ]
