"""Overload: a groove cut too loud, or tape recorded so."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import soxr

from musqa_pipeline.audio.constants import SAMPLE_RATE_HZ
from musqa_pipeline.audio.degradations.applied import between
from musqa_pipeline.audio.degradations.carriers.fault import FaultParams, Floats, Medium, linear

OVERLOAD_DB = (0.0, 30.0)
AT_0_DB = 0.6288
"""Amplitude of a sine of which tanh makes 3 % of third harmonic: the usual limit of tape."""
MOST_BIAS = 0.5
OVERSAMPLING = 4


@dataclass(frozen=True)
class OverloadParams(FaultParams):
    """Parameters of overload."""

    bias: float
    """0 for tape, which saturates alike on both sides; above, as a groove does, which does not."""


class Overload:
    """Saturation with peaks 0 to 30 dB above what makes 3 % of third harmonic."""

    name = "overload"
    params = OverloadParams

    def with_intensity(
        self, intensity: float, rng: np.random.Generator, medium: Medium
    ) -> OverloadParams:
        """Draw the bias of a groove; tape has none."""
        bias = between(rng, 0.1, MOST_BIAS)
        return OverloadParams(intensity, 0.0 if medium.carrier == "tape" else bias)

    @staticmethod
    def overload_db(intensity: float) -> float:
        """Return how far the music's peak lies above the limit."""
        return linear(intensity, *OVERLOAD_DB)

    def apply(self, x: Floats, params: OverloadParams) -> Floats:
        """Saturate the music; what is quiet keeps its level."""
        peak = np.abs(x).max(initial=0.0)
        if not peak:
            return x
        gain = AT_0_DB * 10 ** (self.overload_db(params.intensity) / 20) / peak
        many = soxr.resample(x, SAMPLE_RATE_HZ, OVERSAMPLING * SAMPLE_RATE_HZ, quality="VHQ")
        resting = np.tanh(params.bias)
        bent = (np.tanh(gain * many + params.bias) - resting) / (gain * (1 - resting**2))
        few = soxr.resample(bent, OVERSAMPLING * SAMPLE_RATE_HZ, SAMPLE_RATE_HZ, quality="VHQ")
        return few[: len(x)]
