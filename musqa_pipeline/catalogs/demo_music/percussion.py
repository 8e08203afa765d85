"""Drums, cymbals and hand percussion. Pitch is ignored except where a class says so."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from musqa_pipeline.catalogs.demo_music.filters import (
    band_pass,
    decay,
    fade,
    high_pass,
    low_pass,
    saturate,
)
from musqa_pipeline.catalogs.demo_music.notes import Note
from musqa_pipeline.catalogs.demo_music.oscillators import (
    Signal,
    coloured_noise,
    damped_modes,
    n_samples,
    phase,
    seconds,
)

MEMBRANE = (1.0, 1.59, 2.14, 2.30, 2.65, 2.92, 3.16, 3.50)
"""Frequency ratios of an ideal circular membrane (zeros of Bessel functions)."""


@dataclass(frozen=True)
class Kick:
    """Bass drum: a falling sine, a beater's click."""

    low_hz: float = 48.0
    sweep_hz: float = 170.0
    decay_s: float = 0.16
    click: float = 0.35

    def __call__(self, note: Note, rng: np.random.Generator) -> Signal:
        """Play one note, as `notes.Instrument` says."""
        n = n_samples(5 * self.decay_s)
        t = seconds(n)
        frequency = self.low_hz + self.sweep_hz * note.velocity * np.exp(-t / 0.022)
        body = np.sin(phase(frequency, n)) * decay(n, self.decay_s)
        beater = low_pass(rng.standard_normal(n), 6_000, 1) * decay(n, 0.006)
        skin = band_pass(rng.standard_normal(n), 90, 900) * decay(n, 0.03)
        return note.velocity * fade(
            saturate(body, 1.6) + self.click * beater + 0.5 * skin, 0.0005, 0.02
        )


@dataclass(frozen=True)
class Snare:
    """Snare drum: two heads, wires that rattle; a low velocity is a ghost note."""

    tone_hz: float = 185.0
    wires_s: float = 0.11
    brightness_hz: float = 9_000.0

    def __call__(self, note: Note, rng: np.random.Generator) -> Signal:
        """Play one note, as `notes.Instrument` says."""
        n = n_samples(6 * self.wires_s)
        wobble = rng.uniform(0.985, 1.015)
        heads = damped_modes(
            n,
            self.tone_hz * wobble * np.array([1, 1.52, 1.79, 2.4, 3.1]),
            [1.0, 0.7, 0.45, 0.3, 0.2],
            [0.09, 0.06, 0.05, 0.035, 0.03],
        )
        noise = coloured_noise(rng, n, -2.5)
        wires = high_pass(noise, 900, 1) * decay(n, self.wires_s * (0.6 + 0.6 * note.velocity))
        wires = low_pass(wires, self.brightness_hz * (0.5 + note.velocity), 1)
        stick = high_pass(rng.standard_normal(n), 2_500, 1) * decay(n, 0.004)
        return note.velocity * fade(0.6 * heads + 0.55 * wires + 0.5 * stick, 0.0003, 0.02)


@dataclass(frozen=True)
class Brush:
    """Snare played with brushes: a swish that swells and ends in a tap."""

    def __call__(self, note: Note, rng: np.random.Generator) -> Signal:
        """Play one note, as `notes.Instrument` says."""
        n = n_samples(max(0.12, note.duration_s))
        t = np.linspace(0, 1, n)
        swish = coloured_noise(rng, n, -4.5) * (np.sin(np.pi * t**0.7) ** 1.5 + 0.03)
        tap = coloured_noise(rng, n, -1.0) * decay(n, 0.025)
        sound = 0.35 * high_pass(swish, 700, 1) + 0.5 * note.velocity * high_pass(tap, 300, 1)
        return note.velocity * fade(sound, 0.002, 0.02)


@dataclass(frozen=True)
class Cymbal:
    """Hi-hat, ride or crash: a dense cloud of high modes and noise over them."""

    decay_s: float
    low_hz: float
    ping_hz: float = 0.0
    """Above 0: a stick's bell tone, as of a ride."""
    n_modes: int = 36

    def __call__(self, note: Note, rng: np.random.Generator) -> Signal:
        """Play one note, as `notes.Instrument` says."""
        ring_s = self.decay_s * (0.7 + 0.6 * note.velocity)
        n = n_samples(min(5 * ring_s, 3.0))
        # Modes of one cymbal stay where they are, so they come from its size and not from rng.
        spread = (np.arange(self.n_modes) * 0.6180339887) % 1.0
        frequencies = self.low_hz * (17_000 / self.low_hz) ** spread
        decays = ring_s * (self.low_hz / frequencies) ** 0.45
        modes = damped_modes(n, frequencies, rng.uniform(0.3, 1.0, self.n_modes), decays)
        hiss = high_pass(coloured_noise(rng, n, -2.0), max(self.low_hz, 2_500), 2)
        hiss = hiss * (0.3 * decay(n, ring_s * 0.3) + 0.8 * decay(n, 0.012))
        sound = 0.11 * modes + 0.6 * hiss
        if self.ping_hz:
            bell = self.ping_hz * np.array([1, 1.51, 2.13, 2.87])
            sound = 0.6 * sound + damped_modes(
                n, bell, [0.25, 0.2, 0.15, 0.1], [0.4, 0.3, 0.2, 0.1]
            )
        darker = low_pass(sound, 4_000 + 10_000 * note.velocity, 1)
        return note.velocity * fade(darker, 0.0004, 0.03)


@dataclass(frozen=True)
class Membrane:
    """Tom, conga, tabla, timpani: a skin tuned by the note's pitch."""

    decay_s: float = 0.25
    slap: float = 0.4
    bend: float = 0.15
    """How far the pitch falls after the stroke, as a fraction."""

    def __call__(self, note: Note, rng: np.random.Generator) -> Signal:
        """Play one note, as `notes.Instrument` says."""
        n = n_samples(6 * self.decay_s)
        t = seconds(n)
        ratios = np.asarray(MEMBRANE)
        glide = 1 + self.bend * note.velocity * np.exp(-t / 0.04)
        angle = phase(note.frequency_hz * glide, n)
        strengths = rng.uniform(0.5, 1.0, ratios.size) * ratios ** (-1.5 + note.velocity)
        strengths[0] = 1.0
        sound = np.zeros(n)
        for ratio, strength in zip(ratios, strengths, strict=True):
            ringing = min(n, n_samples(7 * self.decay_s / ratio))
            mode = np.sin(ratio * angle[:ringing]) * decay(ringing, self.decay_s / ratio)
            sound[:ringing] += strength * mode
        hand = band_pass(rng.standard_normal(n), 800, 7_000) * decay(n, 0.012)
        air = high_pass(rng.standard_normal(n), 6_000, 1) * decay(n, 0.004)
        return note.velocity * fade(0.5 * sound + self.slap * (hand + 0.4 * air), 0.0006, 0.02)


@dataclass(frozen=True)
class Shaker:
    """Shaker, maraca or tambourine: seeds that fly and land."""

    low_hz: float = 4_500.0
    decay_s: float = 0.035
    jingle: float = 0.0
    """Share of ringing metal: 0 for a shaker, 1 for a tambourine."""

    def __call__(self, note: Note, rng: np.random.Generator) -> Signal:
        """Play one note, as `notes.Instrument` says."""
        n = n_samples(0.05 + 6 * self.decay_s * (1 + 2 * self.jingle))
        t = seconds(n)
        flight = np.exp(-((t - 0.018) ** 2) / (2 * 0.008**2)) + 0.8 * (t > 0.03) * np.exp(
            -np.maximum(t - 0.03, 0) / self.decay_s
        )
        seeds = band_pass(coloured_noise(rng, n, -1.5), self.low_hz, 13_000) * flight
        if self.jingle:
            frequencies = np.array([4_870, 6_210, 7_950, 9_480, 11_300, 14_100])
            frequencies = frequencies * rng.uniform(0.99, 1.01, 6)
            seeds += self.jingle * damped_modes(n, frequencies, 0.15, 0.09)
        return note.velocity * fade(seeds, 0.001, 0.02)


@dataclass(frozen=True)
class Clap:
    """Several hands that do not quite meet."""

    def __call__(self, note: Note, rng: np.random.Generator) -> Signal:
        """Play one note, as `notes.Instrument` says."""
        n = n_samples(0.35)
        envelope = np.zeros(n)
        for delay_s in (0, *np.sort(rng.uniform(0.006, 0.032, 3))):
            at = n_samples(delay_s)
            envelope[at:] = np.maximum(envelope[at:], decay(n - at, 0.008))
        envelope = np.maximum(envelope, 0.35 * decay(n, 0.07))
        noise = coloured_noise(rng, n)
        sound = band_pass(noise, 900, 2_600) + 0.15 * high_pass(noise, 5_000, 1)
        return note.velocity * fade(sound * envelope, 0.0003, 0.03)


@dataclass(frozen=True)
class Block:
    """Wood block, clave, cowbell or rim: two or three short modes at the note's pitch."""

    decay_s: float = 0.03
    ratios: tuple[float, ...] = (1.0, 1.47, 2.56)

    def __call__(self, note: Note, rng: np.random.Generator) -> Signal:
        """Play one note, as `notes.Instrument` says."""
        n = n_samples(8 * self.decay_s + 0.03)
        ratios = np.asarray(self.ratios)
        modes = damped_modes(
            n, note.frequency_hz * ratios, 0.6 / ratios, self.decay_s / np.sqrt(ratios)
        )
        knock = high_pass(rng.standard_normal(n), 1_500, 1) * decay(n, 0.003)
        return note.velocity * fade(modes + 0.4 * knock, 0.0003, 0.01)
