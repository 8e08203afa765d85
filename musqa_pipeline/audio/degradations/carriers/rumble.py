"""Rumble: what a motor and its bearing do to a groove."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from musqa_pipeline.audio.degradations.carriers.fault import (
    FaultParams,
    Floats,
    Medium,
    at_rms,
    draw_seed,
    linear,
    shaped_noise,
)

BAND_HZ = (8.0, 60.0)
LEVEL_DB = (-30.0, 10.0)


@dataclass(frozen=True)
class RumbleParams(FaultParams):
    """Parameters of rumble."""

    seed: int


class Rumble:
    """Noise from 8 to 60 Hz, -30 to +10 dB relative to the music's RMS."""

    name = "rumble"
    params = RumbleParams

    def with_intensity(
        self, intensity: float, rng: np.random.Generator, medium: Medium
    ) -> RumbleParams:
        """Draw a seed."""
        return RumbleParams(intensity, draw_seed(rng))

    @staticmethod
    def level_db(intensity: float) -> float:
        """Return the level relative to the music's RMS."""
        return linear(intensity, *LEVEL_DB)

    def apply(self, x: Floats, params: RumbleParams) -> Floats:
        """Add the noise."""
        low_hz, high_hz = BAND_HZ
        noise = shaped_noise(len(x), params.seed, lambda hz: (hz >= low_hz) & (hz <= high_hz))
        return x + at_rms(noise, self.level_db(params.intensity), x)
