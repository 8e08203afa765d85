"""Hum: what the mains leave in a transfer."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from musqa_pipeline.audio.constants import SAMPLE_RATE_HZ
from musqa_pipeline.audio.degradations.carriers.fault import (
    FaultParams,
    Floats,
    Medium,
    at_rms,
    draw_seed,
    linear,
)

MAINS_HZ = (50.0, 60.0)
N_PARTIALS = 8
FALL_DB, SPREAD_DB = 6.0, 6.0
"""From a partial to the next on average, and how far each lies from that."""
LEVEL_DB = (-50.0, 0.0)


@dataclass(frozen=True)
class HumParams(FaultParams):
    """Parameters of hum."""

    mains_hz: float
    seed: int
    """Of phases and levels of the partials."""


class Hum:
    """The mains' frequency and seven overtones, -50 to 0 dB relative to the music's RMS."""

    name = "hum"
    params = HumParams

    def with_intensity(
        self, intensity: float, rng: np.random.Generator, medium: Medium
    ) -> HumParams:
        """Draw the mains, and a seed."""
        return HumParams(intensity, float(rng.choice(MAINS_HZ)), draw_seed(rng))

    @staticmethod
    def level_db(intensity: float) -> float:
        """Return the level relative to the music's RMS."""
        return linear(intensity, *LEVEL_DB)

    def apply(self, x: Floats, params: HumParams) -> Floats:
        """Add the partials."""
        rng = np.random.Generator(np.random.PCG64(params.seed))
        partial = np.arange(1, N_PARTIALS + 1)
        level_db = -FALL_DB * (partial - 1) + rng.uniform(-SPREAD_DB, SPREAD_DB, N_PARTIALS)
        turns = partial * params.mains_hz * np.arange(len(x))[:, None] / SAMPLE_RATE_HZ
        tones = np.cos(2 * np.pi * (turns + rng.random(N_PARTIALS)))
        return x + at_rms(tones @ 10 ** (level_db / 20), self.level_db(params.intensity), x)
