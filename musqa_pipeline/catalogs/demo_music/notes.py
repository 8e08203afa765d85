"""Notes and who plays them: the words that composition and instruments share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from musqa_pipeline.catalogs.demo_music.oscillators import Signal


@dataclass(frozen=True)
class Note:
    """One event of a score."""

    start_s: float
    """From the beginning of the piece."""
    duration_s: float
    """Until the key is let go; what rings on is the instrument's matter."""
    pitch: float = 60.0
    """In semitones, 69 for 440 Hz (MIDI note number); percussion reads it as it likes."""
    velocity: float = 0.7
    """How hard it is played, 0 to 1."""

    @property
    def frequency_hz(self) -> float:
        """Equal temperament, 440 Hz for pitch 69."""
        return float(440.0 * 2 ** ((self.pitch - 69) / 12))


class Instrument(Protocol):
    """Whatever turns a note into sound."""

    def __call__(self, note: Note, rng: np.random.Generator) -> Signal:
        """Return the note's sound, float64 of shape (samples,), from its start on."""
