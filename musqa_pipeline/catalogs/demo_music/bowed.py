"""Bowed strings: a soloist, and sections of many players."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from musqa_pipeline.catalogs.demo_music.filters import (
    band_pass,
    fade,
    high_pass,
    low_pass,
    resonances,
)
from musqa_pipeline.catalogs.demo_music.notes import Note
from musqa_pipeline.catalogs.demo_music.oscillators import (
    Signal,
    coloured_noise,
    n_samples,
    phase,
    sawtooth,
    seconds,
    vibrato,
    wandering,
)


@dataclass(frozen=True)
class BowedString:
    """Violin, viola, cello: stick-slip motion is nearly a sawtooth, the body colours it."""

    size: float = 1.0
    """Body relative to a violin: 1.15 for a viola, 2.2 for a cello."""
    n_players: int = 1
    attack_s: float = 0.09
    vibrato_cents: float = 16.0
    bow_noise: float = 0.12

    def __call__(self, note: Note, rng: np.random.Generator) -> Signal:
        """Play one note, as `notes.Instrument` says."""
        n = n_samples(note.duration_s + 0.18)
        sound = np.zeros(n)
        for _ in range(self.n_players):
            detuned = note.frequency_hz * 2 ** (
                rng.normal(0, 4 if self.n_players > 1 else 1) / 1200
            )
            pitch = vibrato(rng, detuned, n, cents=self.vibrato_cents)
            late = 0 if self.n_players == 1 else int(rng.uniform(0, 0.04) * 48_000)
            string = sawtooth(phase(pitch, n, rng.uniform(0, 2 * np.pi)))
            # Bow speed is never even, and the force noise rides on the slip.
            pressure = 1 + 0.12 * wandering(rng, n, 9.0) + 0.05 * wandering(rng, n, 60.0)
            sound[late:] += (string * pressure)[: n - late]
        sound /= np.sqrt(self.n_players)
        hair = coloured_noise(rng, n, -3.0) * (1 + 0.25 * wandering(rng, n, 25.0))
        hair = band_pass(hair, 900 / self.size, 14_000) * (0.4 + 0.6 * note.velocity)
        rosin = sound + self.bow_noise * hair
        centres = np.array([280.0, 460.0, 700.0, 1_050.0, 2_600.0, 3_400.0]) / self.size
        body = resonances(rosin, tuple(centres), (0.8, 0.9, 0.5, 0.5, 0.7, 0.4), 3.5)
        dark = low_pass(rosin, 3_200 + 4_500 * note.velocity, 1)
        out = high_pass(0.35 * dark + body, 0.7 * note.frequency_hz, 1)
        t = seconds(n) / max(note.duration_s, 0.05)
        swell = 0.75 + 0.25 * np.sin(np.pi * np.clip(t, 0, 1))
        return note.velocity * fade(out * swell, self.attack_s, 0.2)


def section(size: float, n_players: int) -> BowedString:
    """Choose a section of an orchestra."""
    return BowedString(size=size, n_players=n_players, attack_s=0.16, bow_noise=0.16)
