"""Plucked strings: guitars, basses, harps. Harmonics follow the place of the plucking."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from musqa_pipeline.catalogs.demo_music.filters import band_pass, decay, fade, high_pass, resonances
from musqa_pipeline.catalogs.demo_music.notes import Note
from musqa_pipeline.catalogs.demo_music.oscillators import (
    Signal,
    coloured_noise,
    damped_modes,
    n_samples,
)


@dataclass(frozen=True)
class PluckedString:
    """A string with a plucking point, a body, and the noise of finger or plectrum."""

    place: float = 0.18
    """Where it is plucked, as a fraction of its length; harmonics with a node there are missing."""
    brightness: float = 0.8
    """Slope of the harmonics: 0 dark (1/k²), 1 bright (1/k)."""
    damping: float = 0.9
    """Decay of all harmonics, per second."""
    damping_step: float = 0.35
    """Further decay of each higher harmonic, per second."""
    ring_s: float = 0.25
    """How long it rings once the finger is lifted."""
    noise: float = 0.3
    stiffness: float = 5e-5
    """Inharmonicity of the string."""
    body_hz: tuple[float, ...] = (105.0, 205.0, 410.0, 1_150.0)
    body_gains: tuple[float, ...] = (0.5, 0.5, 0.35, 0.25)
    n_harmonics: int = 60
    attack_s: float = 0.0008
    """A fingertip lets go more slowly than a plectrum."""

    def __call__(self, note: Note, rng: np.random.Generator) -> Signal:
        """Play one note, as `notes.Instrument` says."""
        n = n_samples(note.duration_s + self.ring_s)
        k = np.arange(1, self.n_harmonics + 1)
        place = self.place * rng.uniform(0.85, 1.15)
        slope = 2.0 - self.brightness * (0.6 + 0.6 * note.velocity)
        amplitudes = np.sin(np.pi * k * place) * k ** (-slope)
        scale = (note.frequency_hz / 220.0) ** 0.6
        frequencies = k * note.frequency_hz * np.sqrt(1 + self.stiffness * k**2)
        decays = 1 / (scale * (self.damping + self.damping_step * k))
        # The second polarisation, slightly apart, beats against the first as on a real string.
        detuned = frequencies[:12] * (1 + rng.normal(0, 0.0004))
        tone = damped_modes(
            n,
            np.concatenate([frequencies, detuned]),
            np.concatenate([0.7 * amplitudes, 0.4 * amplitudes[:12]]),
            np.concatenate([decays, 1.4 * decays[:12]]),
        )
        scratch = coloured_noise(rng, n, -1.5) * decay(n, 0.008) * (0.3 + note.velocity)
        finger = high_pass(scratch, 700, 1) + 0.3 * band_pass(scratch, 2_000, 9_000)
        sound = tone + self.noise * finger
        if self.body_hz:
            sound = sound + resonances(sound, self.body_hz, self.body_gains, 6.0)
        return note.velocity * fade(sound, self.attack_s, self.ring_s)


@dataclass(frozen=True)
class SlapBass:
    """Electric bass: bright where it is slapped, round where fingered."""

    slap: float = 0.5

    def __call__(self, note: Note, rng: np.random.Generator) -> Signal:
        """Play one note, as `notes.Instrument` says."""
        n = n_samples(note.duration_s + 0.08)
        k = np.arange(1, 81)
        hard = self.slap * note.velocity
        amplitudes = np.abs(np.sin(np.pi * k * 0.21)) * k ** (-1.7 + 0.6 * hard)
        frequencies = k * note.frequency_hz * (1 + 2e-5 * k**2) ** 0.5
        tone = damped_modes(n, frequencies, amplitudes, 1 / (0.8 + 0.16 * k))
        fret = high_pass(rng.standard_normal(n), 1_800, 1) * decay(n, 0.005)
        rumble = band_pass(rng.standard_normal(n), 60, 700) * decay(n, 0.02)
        return note.velocity * fade(tone + 0.5 * hard * fret + 0.15 * rumble, 0.002, 0.06)


def nylon_guitar(rng: np.random.Generator) -> PluckedString:
    """Choose a nylon-string guitar."""
    return PluckedString(
        place=rng.uniform(0.14, 0.28), brightness=rng.uniform(0.35, 0.6), damping=1.2, noise=0.22
    )


def steel_guitar(rng: np.random.Generator) -> PluckedString:
    """Choose a steel-string guitar."""
    return PluckedString(
        place=rng.uniform(0.1, 0.2),
        brightness=rng.uniform(0.75, 1.0),
        damping=0.6,
        damping_step=0.22,
        noise=0.4,
        body_hz=(98.0, 190.0, 390.0, 880.0, 2_300.0),
        body_gains=(0.4, 0.45, 0.3, 0.25, 0.3),
    )


def electric_guitar(rng: np.random.Generator) -> PluckedString:
    """Choose an electric guitar as its pickup hears it."""
    return PluckedString(
        place=rng.uniform(0.08, 0.16),
        brightness=rng.uniform(0.7, 0.95),
        damping=0.4,
        damping_step=0.12,
        ring_s=0.05,
        noise=0.25,
        body_hz=(),
        body_gains=(),
    )


def harp(rng: np.random.Generator) -> PluckedString:
    """Choose a harp."""
    return PluckedString(
        place=rng.uniform(0.35, 0.45),
        brightness=rng.uniform(0.3, 0.5),
        damping=0.9,
        damping_step=0.5,
        ring_s=1.2,
        noise=0.12,
        body_hz=(160.0, 320.0, 700.0),
        body_gains=(0.3, 0.3, 0.2),
    )


def double_bass(rng: np.random.Generator) -> PluckedString:
    """Choose a double bass, played pizzicato."""
    return PluckedString(
        place=rng.uniform(0.2, 0.3),
        brightness=rng.uniform(0.3, 0.5),
        damping=1.6,
        damping_step=0.6,
        ring_s=0.12,
        noise=0.2,
        body_hz=(62.0, 100.0, 180.0, 640.0),
        body_gains=(0.6, 0.6, 0.4, 0.2),
    )
