"""Tracks without music: two genres that a small network tells from noise."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from musqa_pipeline.learning.gan.segments import ImageSpec
from musqa_pipeline.learning.gan.tracks import Track, Tracks, write_tracks

SPEC = ImageSpec(size=64)


def made_up_pcm(kind: int, seed: int, *, seconds: float = 8.0, spec: ImageSpec = SPEC):
    """Decaying chords (kind 0) or noise in steps below 1 kHz (kind 1)."""
    rng = np.random.default_rng([kind, seed])
    n = int(seconds * spec.sample_rate_hz)
    time_s = np.arange(n) / spec.sample_rate_hz
    if kind == 0:
        tones = [np.sin(2 * np.pi * hz * time_s) for hz in rng.uniform(200, 3000, 4)]
        sound = np.mean(tones, axis=0) * np.exp(-6 * (time_s % 0.5))
    else:
        smooth = np.convolve(rng.standard_normal(n), np.hanning(16) / 8, mode="same")
        sound = 0.2 * smooth * (0.2 + 0.8 * ((time_s * 4).astype(int) % 2))
    return (8000 * sound).astype(np.int16)


def write_made_up(path: Path, n_by_genre=(3, 2), *, spec: ImageSpec = SPEC, first=0) -> Tracks:
    """Write so many tracks of each genre, and open them."""
    tracks = [
        Track(f"{genre}-{number}", genre, made_up_pcm(genre, first + number, spec=spec))
        for genre, n in enumerate(n_by_genre)
        for number in range(n)
    ]
    write_tracks(path, tracks, spec)
    return Tracks([path], spec)
