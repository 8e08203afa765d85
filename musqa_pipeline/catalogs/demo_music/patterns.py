"""Patterns: ways to turn the frame of a piece into the notes of one part.

A step pattern is a string over one or more bars: a digit 1-9 is a stroke of that velocity, any
other character a rest, a space is only there for the eye.
"""

from __future__ import annotations

import numpy as np

from musqa_pipeline.catalogs.demo_music.harmony import Song
from musqa_pipeline.catalogs.demo_music.notes import Note


def one_of(rng: np.random.Generator, *choices: str) -> str:
    """Draw a rhythm, or who plays."""
    return str(rng.choice(choices))


def strokes(steps: str) -> list[tuple[float, float]]:
    """Read a step pattern."""
    cells = steps.replace(" ", "")
    return [(i / len(cells), int(c) / 9) for i, c in enumerate(cells) if c.isdigit() and c != "0"]


def loose(song: Song, rng: np.random.Generator, beat: float) -> float:
    """Return when a player really comes in."""
    return max(0.0, song.seconds_at(beat) + rng.normal(0, song.looseness_s))


def touch(rng: np.random.Generator, wanted: float) -> float:
    """Return how hard a player really plays."""
    return float(np.clip(wanted * rng.normal(1, 0.07), 0.05, 1.0))


def hits(
    song: Song,
    rng: np.random.Generator,
    steps: str,
    *,
    pitch: float = 60.0,
    duration_beats: float = 0.25,
    vary: float = 0.06,
) -> list[Note]:
    """Play a rhythm of one bar over and over, with small changes."""
    cells = steps.replace(" ", "")
    notes = []
    for bar in range(song.n_bars):
        for i, cell in enumerate(cells):
            wanted = int(cell) / 9 if cell.isdigit() else 0.0
            chance = rng.uniform()
            if chance < vary:
                wanted = 0.0 if 0 < wanted < 0.8 else wanted or 0.25
            if wanted:
                beat = (bar + i / len(cells)) * song.beats_per_bar
                start_s, velocity = loose(song, rng, beat), touch(rng, wanted)
                notes.append(Note(start_s, duration_beats * song.beat_s, pitch, velocity))
    return notes


def chords(
    song: Song,
    rng: np.random.Generator,
    steps: str,
    *,
    octave: int = 2,
    duration_beats: float = 4.0,
    spread_s: float = 0.0,
    pitches: tuple[int, ...] | None = None,
) -> list[Note]:
    """Play each bar's chord in a rhythm: pads, stabs, strums, power chords."""
    notes = []
    for bar in range(song.n_bars):
        voices = song.chord(bar, octave)
        if pitches is not None:
            bottom = song.root + 12 * octave
            root = bottom + (song.pitch(song.chord_degree(bar)) - bottom) % 12
            voices = [root + interval for interval in pitches]
        for count, (position, wanted) in enumerate(strokes(steps)):
            start_s = loose(song, rng, (bar + position) * song.beats_per_bar)
            ordered = voices if count % 2 == 0 else voices[::-1]
            for i, pitch in enumerate(ordered):
                late_s = spread_s * i / max(len(voices) - 1, 1)
                velocity = touch(rng, wanted)
                notes.append(Note(start_s + late_s, duration_beats * song.beat_s, pitch, velocity))
    return notes


def arpeggio(
    song: Song,
    rng: np.random.Generator,
    *,
    octave: int = 2,
    per_beat: int = 2,
    span: int = 2,
    duration_beats: float = 1.0,
    velocity: float = 0.6,
) -> list[Note]:
    """Play the chord's notes one after the other in an order that stays for the whole piece."""
    n = per_beat * song.beats_per_bar
    size = song.thirds * span
    order = np.concatenate([[0], rng.integers(0, size, n - 1)])
    if rng.uniform() < 0.5:  # a plain up and down
        order = np.abs((np.arange(n) + size - 1) % (2 * size - 2) - (size - 1))
    notes = []
    for bar in range(song.n_bars):
        ladder = [p + 12 * o for o in range(span) for p in song.chord(bar, octave)]
        for i in range(n):
            start_s = loose(song, rng, bar * song.beats_per_bar + i / per_beat)
            accent = 1.2 if i % per_beat == 0 else 0.9
            notes.append(
                Note(
                    start_s,
                    duration_beats * song.beat_s,
                    ladder[order[i]],
                    touch(rng, velocity * accent),
                )
            )
    return notes


def bed(song: Song, *, pitch: float = 60.0, velocity: float = 0.7) -> list[Note]:
    """Hold one sound for the whole piece."""
    return [Note(0.0, song.duration_s, pitch, velocity)]
