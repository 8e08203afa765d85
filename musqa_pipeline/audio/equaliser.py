"""Linear equalisers with noise, drawn as a studio or a room would make them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

KNEE_HZ = (700.0, 4_900.0)
SLOPE_DB_PER_OCTAVE = (2.0, 13.0)
RIPPLE_DB = 3.0
"""Deviation of the gain in each octave."""
NOISE_DBFS = (-95.0, -68.0)
NOISE_FRACTION = 0.5
"""Share of copies with a noise floor, as old or quiet recordings have."""


@dataclass(frozen=True)
class Equaliser:
    """What is done to one copy."""

    knee_hz: float
    slope_db_per_octave: float
    """Above the knee."""
    ripple_db: tuple[float, ...]
    """Gain at 15.6 Hz, 31 Hz, and so on up to 32 kHz."""
    noise_dbfs: float | None
    """Level of the noise floor; None without one."""
    noise_slope_db_per_octave: float


def draw_equaliser(rng: np.random.Generator) -> Equaliser:
    """Draw an equaliser; values are rounded, so that what is written down is what is used."""
    low, high = KNEE_HZ
    knee = low * (high / low) ** rng.random()
    slope, ripple = rng.uniform(*SLOPE_DB_PER_OCTAVE), rng.normal(0, RIPPLE_DB, 12)
    with_noise = rng.random() < NOISE_FRACTION
    level, noise_slope = rng.uniform(*NOISE_DBFS), rng.uniform(0, 6)
    return Equaliser(
        knee_hz=round(knee, 1),
        slope_db_per_octave=round(slope, 2),
        ripple_db=tuple(round(float(gain), 2) for gain in ripple),
        noise_dbfs=round(level, 1) if with_noise else None,
        noise_slope_db_per_octave=round(noise_slope, 2),
    )
