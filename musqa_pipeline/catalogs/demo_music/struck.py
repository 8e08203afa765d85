"""Struck strings and bars: piano, electric piano, kalimba, vibraphone, bells, plus an organ."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from musqa_pipeline.catalogs.demo_music.filters import band_pass, decay, fade, high_pass, low_pass
from musqa_pipeline.catalogs.demo_music.notes import Note
from musqa_pipeline.catalogs.demo_music.oscillators import (
    TOP_HZ,
    Signal,
    coloured_noise,
    damped_modes,
    harmonic_tone,
    n_samples,
    phase,
    seconds,
)


@dataclass(frozen=True)
class Piano:
    """Stiff strings under a hammer: inharmonic partials, double decay, key noise."""

    hardness: float = 0.5
    ring_s: float = 0.35

    def __call__(self, note: Note, rng: np.random.Generator) -> Signal:
        """Play one note, as `notes.Instrument` says."""
        n = n_samples(min(note.duration_s, 4.0) + self.ring_s)
        f0 = note.frequency_hz
        k = np.arange(1, int(np.clip(TOP_HZ / f0, 4, 34)) + 1)
        stiffness = 3e-4 * (f0 / 261.6) ** 1.4
        frequencies = k * f0 * np.sqrt(1 + stiffness * k**2)
        corner = (4 + 14 * self.hardness * note.velocity) * (261.6 / f0) ** 0.4
        amplitudes = np.abs(np.sin(np.pi * k / 8.3)) * np.exp(-k / corner) / np.sqrt(k)
        decays = 1.3 * (261.6 / f0) ** 0.6 / (1 + 0.16 * k)
        tone = damped_modes(n, frequencies, amplitudes, decays)
        # A second string a hair apart gives the slow beat and the long tail.
        second = damped_modes(n, frequencies[:6] * 1.0004, 0.4 * amplitudes[:6], 2.2 * decays[:6])
        felt = low_pass(coloured_noise(rng, n, -3), 3_500, 1) * decay(n, 0.012)
        key = high_pass(rng.standard_normal(n), 3_000, 1) * decay(n, 0.004)
        sound = tone + second + 0.12 * felt + 0.05 * note.velocity * key
        return note.velocity * fade(sound, 0.001, self.ring_s)


@dataclass(frozen=True)
class ElectricPiano:
    """Tine piano by frequency modulation: a bell that fades into a sine."""

    bark: float = 1.2
    tremolo_hz: float = 5.0

    def __call__(self, note: Note, rng: np.random.Generator) -> Signal:
        """Play one note, as `notes.Instrument` says."""
        n = n_samples(min(note.duration_s, 4.0) + 0.25)
        t = seconds(n)
        angle = phase(note.frequency_hz, n)
        body = np.sin(angle + self.bark * note.velocity * decay(n, 0.5) * np.sin(angle))
        tine = np.sin(angle + 0.8 * decay(n, 0.12) * np.sin(14 * angle)) * decay(n, 0.35)
        if 15 * note.frequency_hz > TOP_HZ:
            tine = np.sin(angle)
        knock = band_pass(rng.standard_normal(n), 400, 6_000) * decay(n, 0.006)
        tremolo = 1 - 0.2 * (0.5 + 0.5 * np.sin(2 * np.pi * self.tremolo_hz * t))
        sound = (body * decay(n, 1.4) + 0.35 * note.velocity * tine) * tremolo + 0.1 * knock
        return note.velocity * fade(sound, 0.001, 0.2)


@dataclass(frozen=True)
class Bar:
    """Kalimba, marimba, vibraphone, glockenspiel, bell: a few modes by their ratios."""

    ratios: tuple[float, ...] = (1.0, 3.93, 9.24, 16.3)
    strengths: tuple[float, ...] = (1.0, 0.35, 0.15, 0.07)
    decay_s: float = 0.5
    ring_s: float = 0.6
    mallet: float = 0.15
    """Level of the mallet's noise."""
    mallet_hz: float = 3_000.0

    def __call__(self, note: Note, rng: np.random.Generator) -> Signal:
        """Play one note, as `notes.Instrument` says."""
        n = n_samples(min(note.duration_s + self.ring_s, 5.0))
        ratios = np.asarray(self.ratios) * (1 + rng.normal(0, 0.001, len(self.ratios)))
        strengths = np.asarray(self.strengths) * ratios ** (0.4 * (note.velocity - 0.6))
        decays = self.decay_s * (440 / note.frequency_hz) ** 0.3 / ratios**0.7
        tone = damped_modes(n, note.frequency_hz * ratios, strengths, decays)
        mallet = coloured_noise(rng, n, -1) * decay(n, 0.005)
        mallet = low_pass(mallet, self.mallet_hz, 1) + 0.1 * mallet
        return note.velocity * fade(tone + self.mallet * mallet, 0.0006, min(self.ring_s, 0.5))


KALIMBA = Bar(ratios=(1.0, 5.4, 13.2), strengths=(1.0, 0.3, 0.12), decay_s=0.45)
MARIMBA = Bar(ratios=(1.0, 3.93, 9.24), strengths=(1.0, 0.25, 0.1), decay_s=0.25)
VIBRAPHONE = Bar(ratios=(1.0, 4.0, 10.2), strengths=(1.0, 0.2, 0.08), decay_s=1.6, ring_s=1.2)
BELL = Bar(
    ratios=(0.5, 1.0, 1.19, 1.5, 2.0, 2.51, 2.66, 3.01, 4.17, 5.43, 6.8, 8.2),
    strengths=(0.5, 1.0, 0.7, 0.5, 0.8, 0.4, 0.4, 0.3, 0.25, 0.2, 0.12, 0.1),
    decay_s=2.5,
    ring_s=3.0,
    mallet_hz=9_000.0,
)
GLOCKENSPIEL = Bar(
    ratios=(1.0, 2.76, 5.4, 8.93), strengths=(1.0, 0.4, 0.25, 0.12), decay_s=0.9, mallet_hz=12_000.0
)


@dataclass(frozen=True)
class Organ:
    """Drawbar organ: nine sines, key click, a rotating speaker's slow beat."""

    drawbars: tuple[float, ...] = (0.8, 0.6, 1.0, 0.6, 0.3, 0.4, 0.15, 0.2, 0.25)

    def __call__(self, note: Note, rng: np.random.Generator) -> Signal:
        """Play one note, as `notes.Instrument` says."""
        n = n_samples(note.duration_s + 0.03)
        t = seconds(n)
        # Footages 16', 5 1/3', 8', 4', 2 2/3', 2', 1 3/5', 1 1/3', 1' as multiples of the 16'.
        multiples = (1, 3, 2, 4, 6, 8, 10, 12, 16)
        amplitudes = np.zeros(16)
        for multiple, drawbar in zip(multiples, self.drawbars, strict=True):
            amplitudes[multiple - 1] = drawbar
        doppler = 1 + 0.0012 * np.sin(2 * np.pi * 6.2 * t + rng.uniform(0, 6.28))
        tone = harmonic_tone(phase(0.5 * note.frequency_hz * doppler, n), amplitudes)
        tone *= 1 + 0.15 * np.sin(2 * np.pi * 6.2 * t)
        click = high_pass(rng.standard_normal(n), 1_500, 1) * decay(n, 0.004)
        return note.velocity * fade(tone / 3 + 0.08 * click, 0.004, 0.025)
