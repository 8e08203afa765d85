"""A GTZAN of two genres that anybody tells apart, with the clip that is broken in many copies."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import soundfile

RATE_HZ = 22_050
NUMBERS = {
    "blues": {"train": (29, 30, 31), "validation": (0, 1), "test": (12, 13)},
    "jazz": {"train": (0, 1, 11), "validation": (2, 3), "test": (73, 74)},
}
BROKEN = "jazz.00054"


def write_gtzan(root: Path) -> Path:
    for genre, parts in NUMBERS.items():
        for number in (number for numbers in parts.values() for number in numbers):
            path = root / "genres" / genre / f"{genre}.{number:05d}.wav"
            path.parent.mkdir(parents=True, exist_ok=True)
            soundfile.write(path, clip(genre, number), RATE_HZ)
    (root / "genres" / "jazz" / f"{BROKEN}.wav").write_bytes(b"no audio " * 200)
    return root


def clip(genre: str, number: int, duration_s: float = 30.0) -> np.ndarray:
    chance = np.random.default_rng([number, len(genre)])
    time_s = np.arange(round(duration_s * RATE_HZ)) / RATE_HZ
    tone_hz = (200 if genre == "blues" else 3000) * chance.uniform(0.9, 1.1)
    beat = 0.5 + 0.5 * np.sign(np.sin(2 * np.pi * chance.uniform(1.5, 2.5) * time_s))
    noise = 0.003 * chance.standard_normal(len(time_s))
    return (0.3 * beat * np.sin(2 * np.pi * tone_hz * time_s) + noise).astype(np.float32)
