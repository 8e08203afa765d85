"""Brass by frequency modulation, and flutes and whistles of breath and few harmonics."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from musqa_pipeline.catalogs.demo_music.filters import band_pass, decay, fade, high_pass, low_pass
from musqa_pipeline.catalogs.demo_music.notes import Note
from musqa_pipeline.catalogs.demo_music.oscillators import (
    Signal,
    coloured_noise,
    harmonic_tone,
    n_samples,
    phase,
    seconds,
    vibrato,
    wandering,
)


@dataclass(frozen=True)
class Brass:
    """Trumpet, trombone, horn, tuba: brightness follows loudness, as Chowning found [1]_.

    References
    ----------
    .. [1] J. M. Chowning, "The synthesis of complex audio spectra by means of frequency
       modulation", Journal of the Audio Engineering Society 21(7), 1973.
    """

    brightness: float = 4.0
    """Modulation index at full velocity."""
    attack_s: float = 0.05
    n_players: int = 2
    mute_hz: float = 9_000.0

    def __call__(self, note: Note, rng: np.random.Generator) -> Signal:
        """Play one note, as `notes.Instrument` says."""
        n = n_samples(note.duration_s + 0.1)
        t = seconds(n)
        rise = 1 - np.exp(-t / self.attack_s)
        # Carson's rule: keep the band of the modulation below what aliases.
        index = min(self.brightness * note.velocity, 16_000 / note.frequency_hz - 2)
        sound = np.zeros(n)
        for _ in range(self.n_players):
            scoop = 2 ** (-rng.uniform(10, 50) / 1200 * np.exp(-t / 0.035))
            pitch = vibrato(rng, note.frequency_hz * 2 ** (rng.normal(0, 4) / 1200), n, cents=9)
            angle = phase(pitch * scoop, n, rng.uniform(0, 6.28))
            level = rise * (1 - 0.25 * np.clip(t / 0.25, 0, 1)) * (1 + 0.05 * wandering(rng, n, 12))
            sound += level * np.sin(angle + index * level * np.sin(angle))
        breath = high_pass(coloured_noise(rng, n, -4), 1_200, 1) * rise
        tongue = band_pass(rng.standard_normal(n), 600, 8_000) * decay(n, 0.012)
        sound = sound / np.sqrt(self.n_players) + 0.03 * breath + 0.12 * note.velocity * tongue
        bright = low_pass(sound, self.mute_hz * (0.5 + note.velocity), 1)
        return note.velocity * fade(high_pass(bright, 60, 1), 0.006, 0.09)


@dataclass(frozen=True)
class Flute:
    """Flute, whistle or pan pipe: breath is half of the sound."""

    breath: float = 0.25
    harmonics: tuple[float, ...] = (1.0, 0.45, 0.28, 0.1, 0.06, 0.03, 0.015)

    def __call__(self, note: Note, rng: np.random.Generator) -> Signal:
        """Play one note, as `notes.Instrument` says."""
        n = n_samples(note.duration_s + 0.08)
        f0 = note.frequency_hz
        pitch = vibrato(rng, f0, n, cents=14, rate_hz=5.0)
        flow = 1 + 0.1 * wandering(rng, n, 14)
        tone = harmonic_tone(phase(pitch, n), self.harmonics) * flow
        noise = coloured_noise(rng, n, -4.0) * flow
        mouth = band_pass(noise, 0.8 * f0, min(2.6 * f0, 12_000)) + 0.3 * high_pass(noise, 4_000, 1)
        chiff = band_pass(rng.standard_normal(n), f0, min(5 * f0, 15_000)) * decay(n, 0.02)
        sound = tone + self.breath * mouth + 0.4 * self.breath * chiff
        return note.velocity * fade(sound, 0.04, 0.08)
