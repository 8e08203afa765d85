"""Synthesisers: leads, basses, stabs and pads from sawtooths, pulses and moving filters."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from musqa_pipeline.catalogs.demo_music.filters import (
    decay,
    fade,
    high_pass,
    saturate,
    swept_low_pass,
)
from musqa_pipeline.catalogs.demo_music.notes import Note
from musqa_pipeline.catalogs.demo_music.oscillators import (
    Signal,
    coloured_noise,
    n_samples,
    phase,
    sawtooth,
    seconds,
    wandering,
)


@dataclass(frozen=True)
class Synth:
    """Detuned oscillators into a low-pass that opens and closes with each note."""

    n_oscillators: int = 2
    detune_cents: float = 7.0
    pulse: float = 0.0
    """Share of pulse waves; the rest are sawtooths."""
    sub: float = 0.0
    """Level of a sine one octave below."""
    cutoff_hz: float = 900.0
    envelope_octaves: float = 3.0
    """How far the filter opens above `cutoff_hz` on a note of full velocity."""
    filter_decay_s: float = 0.18
    quality: float = 1.6
    attack_s: float = 0.003
    release_s: float = 0.06
    drive: float = 1.2
    hiss: float = 0.002

    def __call__(self, note: Note, rng: np.random.Generator) -> Signal:
        """Play one note, as `notes.Instrument` says."""
        n = n_samples(note.duration_s + self.release_s)
        sound = self.sub * np.sin(phase(note.frequency_hz / 2, n))
        for i in range(self.n_oscillators):
            offset = (i / max(self.n_oscillators - 1, 1) - 0.5) * 2 * self.detune_cents
            drift = 1.5 * wandering(rng, n, 2.0)
            frequency = note.frequency_hz * 2 ** ((offset + drift) / 1200)
            angle = phase(frequency, n, rng.uniform(0, 2 * np.pi))
            wave = sawtooth(angle)
            if self.pulse:
                width = 2 * np.pi * (0.5 + 0.2 * np.sin(2 * np.pi * 0.4 * seconds(n)))
                wave = (1 - self.pulse) * wave + self.pulse * (wave - sawtooth(angle + width))
            sound = sound + wave / np.sqrt(self.n_oscillators)
        sound = sound + self.hiss * coloured_noise(rng, n)
        opening = self.envelope_octaves * note.velocity * decay(n, self.filter_decay_s)
        cutoff = self.cutoff_hz * 2 ** (opening + 0.1 * wandering(rng, n, 3.0))
        filtered = swept_low_pass(sound, cutoff, self.quality)
        bent = saturate(filtered, self.drive) / self.drive
        return note.velocity * fade(bent, self.attack_s, self.release_s)


@dataclass(frozen=True)
class Pad:
    """A slow, wide chord tone with air over it."""

    cutoff_hz: float = 1_800.0
    sway_hz: float = 0.2
    attack_s: float = 0.9
    air: float = 0.03

    def __call__(self, note: Note, rng: np.random.Generator) -> Signal:
        """Play one note, as `notes.Instrument` says."""
        n = n_samples(note.duration_s + 0.8)
        sound = np.zeros(n)
        for cents in (-9, -3, 4, 10):
            frequency = note.frequency_hz * 2 ** ((cents + 2 * wandering(rng, n, 1.0)) / 1200)
            sound += 0.5 * sawtooth(phase(frequency, n, rng.uniform(0, 2 * np.pi)))
        sway = np.sin(2 * np.pi * self.sway_hz * seconds(n) + rng.uniform(0, 6.28))
        out = swept_low_pass(sound, self.cutoff_hz * 2 ** (0.8 * sway), 0.9)
        shimmer = high_pass(coloured_noise(rng, n, -4), 4_000, 1)
        out += self.air * shimmer * (0.6 + 0.4 * sway)
        return note.velocity * fade(out, min(self.attack_s, 0.5 * note.duration_s), 0.8)


@dataclass(frozen=True)
class Drone:
    """A sub bass or drone: a sine and a few harmonics that come and go."""

    harmonics: int = 5

    def __call__(self, note: Note, rng: np.random.Generator) -> Signal:
        """Play one note, as `notes.Instrument` says."""
        n = n_samples(note.duration_s + 0.1)
        angle = phase(note.frequency_hz * (1 + 0.0005 * wandering(rng, n, 1.0)), n)
        out = np.sin(angle)
        for k in range(2, self.harmonics + 1):
            out += np.abs(wandering(rng, n, 0.7)) / k**1.2 * np.sin(k * angle)
        return note.velocity * fade(saturate(out, 1.3), 0.02, 0.1)
