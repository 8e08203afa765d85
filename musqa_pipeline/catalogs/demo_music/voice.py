"""Voices: a glottal tone through the formants of vowels, with breath and consonants."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from musqa_pipeline.catalogs.demo_music.filters import (
    band_pass,
    decay,
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

# Formant centres (Hz) and gains of sung vowels, after the tables of the Csound manual
# (appendix "Formant values", tenor), the upper ones weaker; `tract` scales them for other voices.
VOWELS: dict[str, tuple[tuple[float, ...], tuple[float, ...]]] = {
    "a": ((650, 1_080, 2_650, 2_900, 3_250), (1.0, 0.50, 0.25, 0.22, 0.06)),
    "e": ((400, 1_700, 2_600, 3_200, 3_580), (1.0, 0.22, 0.18, 0.14, 0.08)),
    "i": ((290, 1_870, 2_800, 3_250, 3_540), (1.0, 0.18, 0.13, 0.10, 0.04)),
    "o": ((400, 800, 2_600, 2_800, 3_000), (1.0, 0.32, 0.15, 0.15, 0.05)),
    "u": ((350, 600, 2_700, 2_900, 3_300), (1.0, 0.18, 0.14, 0.12, 0.05)),
}


@dataclass(frozen=True)
class Voice:
    """A singer, or a group of them; each note is a syllable."""

    tract: float = 1.0
    """Formant scale: 0.9 for a bass, 1.0 a tenor, 1.17 for a woman, 1.3 for a child."""
    n_singers: int = 1
    vowels: str = "aeo"
    consonants: float = 0.6
    """Share of notes that start with a hissed or stopped consonant."""
    breath: float = 0.05

    def __call__(self, note: Note, rng: np.random.Generator) -> Signal:
        """Play one note, as `notes.Instrument` says."""
        n = n_samples(note.duration_s + 0.12)
        first, second = (VOWELS[v] for v in rng.choice(list(self.vowels), 2))
        out = np.zeros(n)
        source = np.zeros(n)
        for _ in range(self.n_singers):
            spread = 7 if self.n_singers > 1 else 2
            tuned = note.frequency_hz * 2 ** (rng.normal(0, spread) / 1200)
            glide = 1 - 0.03 * np.exp(-seconds(n) / 0.05) * rng.uniform(0, 1)
            pitch = vibrato(rng, tuned, n, cents=28 if self.n_singers == 1 else 18) * glide
            glottis = sawtooth(phase(pitch, n, rng.uniform(0, 6.28)))
            source += glottis * (1 + 0.06 * wandering(rng, n, 30.0))
        # A louder voice closes the glottis more sharply: the tilt of its spectrum is smaller.
        source = low_pass(source / np.sqrt(self.n_singers), 600 + 2_400 * note.velocity, 1)
        air = coloured_noise(rng, n, -3.5) * (0.2 + 0.8 * np.abs(source) / (np.std(source) + 1e-9))
        source = source + self.breath * air
        move = np.clip(seconds(n) / max(note.duration_s, 0.1) * 1.5 - 0.25, 0, 1)
        for (centres, gains), weight in ((first, 1 - move), (second, move)):
            scaled = tuple(c * self.tract for c in centres)
            out += weight * resonances(source, scaled, gains, 9.0)
        # Above the formants a mouth still radiates the edge of each pulse, and air.
        out += 0.02 * high_pass(source, 3_500, 1) + 0.1 * self.breath * high_pass(air, 4_000, 1)
        out = fade(out, 0.05 if self.n_singers == 1 else 0.14, 0.12)
        if rng.uniform() < self.consonants:
            out += self._consonant(n, rng) * np.std(out) * 3
        return note.velocity * out

    def _consonant(self, n: int, rng: np.random.Generator) -> Signal:
        noise = coloured_noise(rng, n, -1.5)
        if rng.uniform() < 0.5:  # s, sh
            low_hz = rng.choice([2_600.0, 5_200.0])
            burst = np.exp(-((seconds(n) - 0.05) ** 2) / (2 * rng.uniform(0.015, 0.03) ** 2))
            return 0.5 * band_pass(noise, low_hz, 15_000) * burst
        return 0.5 * band_pass(noise, 900, 9_000) * decay(n, 0.012)  # t, k, p
