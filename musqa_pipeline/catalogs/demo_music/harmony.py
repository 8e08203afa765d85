"""Scales, chords and the frame of a piece: what notes are there at what time."""

from __future__ import annotations

from dataclasses import dataclass

SCALES: dict[str, tuple[int, ...]] = {
    "major": (0, 2, 4, 5, 7, 9, 11),
    "minor": (0, 2, 3, 5, 7, 8, 10),
    "dorian": (0, 2, 3, 5, 7, 9, 10),
    "mixolydian": (0, 2, 4, 5, 7, 9, 10),
    "phrygian": (0, 1, 3, 5, 7, 8, 10),
    "lydian": (0, 2, 4, 6, 7, 9, 11),
    "harmonic minor": (0, 2, 3, 5, 7, 8, 11),
}
"""Semitones above the root of the seven degrees."""


@dataclass(frozen=True)
class Song:
    """Key, tempo and chords of a piece; times within it are counted in beats."""

    duration_s: float
    tempo_bpm: float
    root: int
    """Pitch of the first degree, 36 to 47: the lowest octave in use."""
    scale: tuple[int, ...]
    progression: tuple[int, ...]
    """Degree of the chord of each bar, 0 to 6, repeated."""
    beats_per_bar: int = 4
    swing: float = 0.0
    """Delay of every second half beat, as a fraction of a beat: 0 straight, 0.17 triplets."""
    looseness_s: float = 0.006
    """Standard deviation of the players' timing."""
    thirds: int = 3
    """Notes of a chord: 3 for triads, 4 for sevenths, 5 for ninths."""

    @property
    def beat_s(self) -> float:
        """Length of a beat in seconds."""
        return 60.0 / self.tempo_bpm

    @property
    def n_bars(self) -> int:
        """Bars needed to fill the duration, the last one perhaps in part."""
        return int(self.duration_s / (self.beat_s * self.beats_per_bar)) + 1

    def chord_degree(self, bar: int) -> int:
        """Return the degree of a bar's chord."""
        return self.progression[bar % len(self.progression)]

    def pitch(self, degree: int, octave: int = 0) -> int:
        """Convert a degree of the scale to a pitch."""
        octaves, step = divmod(degree, 7)
        return self.root + 12 * (octave + octaves) + self.scale[step]

    def chord(self, bar: int, octave: int) -> list[int]:
        """Return the pitches of a bar's chord, closed around one register."""
        degree = self.chord_degree(bar)
        low = self.root + 12 * octave
        pitches = [self.pitch(degree + 2 * i) for i in range(self.thirds)]
        return sorted(low + (pitch - low) % 12 for pitch in pitches)

    def seconds_at(self, beat: float) -> float:
        """Convert a time in beats to seconds, with swing."""
        off_beat = 0.4 < beat % 1.0 < 0.6
        return (beat + (self.swing if off_beat else 0.0)) * self.beat_s
