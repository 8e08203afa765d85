"""Hiss: noise of tape, of shellac's filler, of amplifiers."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from musqa_pipeline.audio.degradations.applied import between
from musqa_pipeline.audio.degradations.carriers.fault import (
    FaultParams,
    Floats,
    Medium,
    at_rms,
    draw_seed,
    linear,
    shaped_noise,
)

SNR_DB = (60.0, 10.0)
STEEPEST_DB_PER_OCTAVE = 3.0
LEVEL_BELOW_HZ = 20.0
"""Where noise that falls with frequency has most of its power otherwise."""


@dataclass(frozen=True)
class HissParams(FaultParams):
    """Parameters of hiss."""

    slope_db_per_octave: float
    seed: int


class Hiss:
    """Noise whose power rises or falls by up to 3 dB an octave, at an SNR of 60 to 10 dB."""

    name = "hiss"
    params = HissParams

    def with_intensity(
        self, intensity: float, rng: np.random.Generator, medium: Medium
    ) -> HissParams:
        """Draw a slope and a seed."""
        slope = between(rng, -STEEPEST_DB_PER_OCTAVE, STEEPEST_DB_PER_OCTAVE)
        return HissParams(intensity, slope, draw_seed(rng))

    @staticmethod
    def snr_db(intensity: float) -> float:
        """Return the power of the music over that of the noise."""
        return linear(intensity, *SNR_DB)

    def apply(self, x: Floats, params: HissParams) -> Floats:
        """Add the noise."""
        power = params.slope_db_per_octave / (20 * math.log10(2))
        noise = shaped_noise(
            len(x), params.seed, lambda hz: np.maximum(hz, LEVEL_BELOW_HZ) ** power
        )
        return x + at_rms(noise, -self.snr_db(params.intensity), x)
