"""The band that a carrier or its recording had."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy

from musqa_pipeline.audio.constants import SAMPLE_RATE_HZ
from musqa_pipeline.audio.degradations.carriers.fault import (
    FaultParams,
    Floats,
    Medium,
    logarithmic,
)

LOW_HZ, HIGH_HZ = (20.0, 250.0), (16_000.0, 3_000.0)
ORDERS = (2, 6)


@dataclass(frozen=True)
class BandParams(FaultParams):
    """Parameters of a band."""

    low_order: int
    """Of the high-pass."""
    high_order: int
    """Of the low-pass."""


class Band:
    """A high-pass of 20 to 250 Hz and a low-pass of 16 to 3 kHz (Butterworth, orders 2 to 6)."""

    name = "band"
    params = BandParams

    def with_intensity(
        self, intensity: float, rng: np.random.Generator, medium: Medium
    ) -> BandParams:
        """Draw two orders."""
        low, high = rng.integers(ORDERS[0], ORDERS[1] + 1, 2)
        return BandParams(intensity, int(low), int(high))

    @staticmethod
    def ends_hz(intensity: float) -> tuple[float, float]:
        """Return where the band is down by 3 dB."""
        return logarithmic(intensity, *LOW_HZ), logarithmic(intensity, *HIGH_HZ)

    def apply(self, x: Floats, params: BandParams) -> Floats:
        """Filter the music, causally."""
        low_hz, high_hz = self.ends_hz(params.intensity)
        for order, edge_hz, kind in (
            (params.low_order, low_hz, "highpass"),
            (params.high_order, high_hz, "lowpass"),
        ):
            sections = scipy.signal.butter(order, edge_hz, kind, fs=SAMPLE_RATE_HZ, output="sos")
            x = scipy.signal.sosfilt(sections, x)
        return x
