"""Textures: rain, wind, surf, crowd and crackle, as long beds of shaped noise."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from musqa_pipeline.catalogs.demo_music.filters import (
    band_pass,
    fade,
    high_pass,
    low_pass,
    swept_low_pass,
)
from musqa_pipeline.catalogs.demo_music.notes import Note
from musqa_pipeline.catalogs.demo_music.oscillators import (
    Signal,
    coloured_noise,
    n_samples,
    wandering,
)


@dataclass(frozen=True)
class Wind:
    """Wind or surf: pink noise through a filter that wanders."""

    low_hz: float = 300.0
    high_hz: float = 4_000.0

    def __call__(self, note: Note, rng: np.random.Generator) -> Signal:
        """Play one note, as `notes.Instrument` says."""
        n = n_samples(note.duration_s + 0.5)
        gust = 1 / (1 + np.exp(-1.2 * wandering(rng, n, 0.6)))
        cutoff = self.low_hz * (self.high_hz / self.low_hz) ** gust
        noise = coloured_noise(rng, n, -3.0)
        sound = swept_low_pass(noise, cutoff, 1.4) * (0.3 + gust) + 0.03 * high_pass(
            noise, 2_000, 1
        )
        return note.velocity * fade(sound, 0.5, 0.5)


@dataclass(frozen=True)
class Rain:
    """Rain, crackle or grains: many short drops over a soft bed."""

    drops_per_s: float = 120.0
    bed: float = 0.15

    def __call__(self, note: Note, rng: np.random.Generator) -> Signal:
        """Play one note, as `notes.Instrument` says."""
        n = n_samples(note.duration_s + 0.3)
        impulses = np.zeros(n)
        at = rng.integers(0, n, int(self.drops_per_s * n / 48_000))
        impulses[at] = rng.standard_normal(at.size) * np.minimum(rng.pareto(2.5, at.size), 5)
        large = band_pass(impulses, 1_400, 3_200, 2) * 6
        small = high_pass(impulses, 5_000, 1)
        bed = high_pass(coloured_noise(rng, n, -4.5), 800, 1) * (1 + 0.2 * wandering(rng, n, 2.0))
        return note.velocity * fade(large + small + self.bed * bed, 0.3, 0.3)


@dataclass(frozen=True)
class Grains:
    """A cloud of short tones from the note's overtones: glass, metal, insects."""

    grains_per_s: float = 30.0
    top_ratio: int = 24

    def __call__(self, note: Note, rng: np.random.Generator) -> Signal:
        """Play one note, as `notes.Instrument` says."""
        n = n_samples(note.duration_s + 0.4)
        out = np.zeros(n)
        for _ in range(int(self.grains_per_s * note.duration_s)):
            length = n_samples(rng.uniform(0.03, 0.25))
            start = int(rng.integers(0, max(n - length, 1)))
            frequency = min(note.frequency_hz * rng.integers(2, self.top_ratio), 19_000)
            grain = np.sin(2 * np.pi * frequency / 48_000 * np.arange(length))
            stop = min(start + length, n)
            shape = np.hanning(length)[: stop - start] * rng.uniform(0.1, 0.5)
            out[start:stop] += grain[: stop - start] * shape * (400 / frequency) ** 0.3
        haze = low_pass(high_pass(coloured_noise(rng, n, -4.0), 3_000, 1), 14_000, 1)
        return note.velocity * fade(out + 0.03 * haze, 0.2, 0.4)
