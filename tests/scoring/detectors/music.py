"""Small made-up music for the detectors: quick to make, full-band, with attacks and rests."""

from __future__ import annotations

import numpy as np

RATE_HZ = 48_000


def castanets(seed: int = 0, duration_s: float = 10.0, floor_db: float = -60.0) -> np.ndarray:
    """Dry wooden strokes, float32 (frames,), 48 kHz; the floor is noise against their level."""
    rng = np.random.default_rng(seed)
    frames = round(duration_s * RATE_HZ)
    out = np.zeros(frames + RATE_HZ)
    time_s = np.arange(round(0.15 * RATE_HZ)) / RATE_HZ
    at = 0.1 * RATE_HZ
    while at < frames:
        stroke = 0.6 * rng.standard_normal(len(time_s)) * np.exp(-time_s / 0.003)
        base_hz = rng.uniform(900, 1_600)
        for ratio, level, decay_s in ((1, 1, 0.02), (1.7, 0.7, 0.012), (2.3, 0.5, 0.008)):
            tone = np.sin(2 * np.pi * ratio * base_hz * time_s + rng.uniform(0, 6))
            stroke += level * tone * np.exp(-time_s / decay_s)
        out[round(at) : round(at) + len(stroke)] += stroke * rng.uniform(0.5, 1)
        at += RATE_HZ * rng.choice([0.125, 0.25, 0.25, 0.5]) * rng.uniform(0.9, 1.1)
    out = out[:frames] / np.abs(out).max() / 1.5
    level = np.sqrt(np.mean(np.square(out)))
    return (out + rng.standard_normal(frames) * level * 10 ** (floor_db / 20)).astype(np.float32)


def chords(seed: int = 0, duration_s: float = 10.0) -> np.ndarray:
    """Struck chords and a hi-hat, dying away; float32 (frames, 2), 48 kHz, with faint breath."""
    rng = np.random.default_rng(seed)
    frames = round(duration_s * RATE_HZ)
    out = np.zeros((frames + 2 * RATE_HZ, 2))
    time_s = np.arange(round(1.2 * RATE_HZ)) / RATE_HZ
    fade = np.exp(-5.0 * time_s) * (1 - np.exp(-time_s / 0.004))
    at = 0.0
    while at < frames:
        for note in rng.choice(np.arange(24), 3, replace=False):
            turns = 110.0 * 2 ** (note / 12) * time_s
            tone = sum(np.sin(2 * np.pi * k * turns + k) / k**1.3 for k in range(1, 8)) * fade
            out[round(at) : round(at) + len(tone)] += tone[:, None] * rng.uniform(0.2, 1.0, 2)
        for _ in range(3):
            hat = rng.standard_normal((6_000, 2)) * np.exp(-time_s[:6_000, None] / 0.02)
            out[round(at) : round(at) + len(hat)] += 0.3 * rng.uniform(0.3, 1) * hat
            at += RATE_HZ * rng.choice([0.15, 0.2, 0.3])
    out = out[:frames] / np.abs(out).max() / 1.3
    return (out + 2e-6 * rng.standard_normal(out.shape)).astype(np.float32)


def block_transform(samples: np.ndarray, *, size: int = 2_048, step_db: float = -35.0):
    """Quantise each block's spectrum in steps below its largest line, as transform codecs do."""
    window = np.sin(np.pi * (np.arange(size) + 0.5) / size)
    out = np.zeros(len(samples) + size)
    for start in range(0, len(samples) - size, size // 2):
        lines = np.fft.rfft(samples[start : start + size] * window)
        step = np.abs(lines).max() * 10 ** (step_db / 20) + 1e-12
        kept = np.round(lines.real / step) * step + 1j * np.round(lines.imag / step) * step
        out[start : start + size] += np.fft.irfft(kept, size) * window
    return out[: len(samples)].astype(np.float32)
