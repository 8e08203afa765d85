"""What is measured of a whole recording beside its score: bandwidth, loudness, true peak."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from musqa_pipeline.scoring.abstain import CANCELLED_BELOW_DB


class Meters:
    """Measures a recording block by block."""

    def __init__(self, sample_rate_hz: int, channels: int) -> None:
        from musqa_pipeline.audio.measures.bandwidth import BandwidthMeter
        from musqa_pipeline.audio.measures.loudness import LoudnessMeter
        from musqa_pipeline.audio.measures.peaks import TruePeakMeter

        self._loudness = LoudnessMeter(sample_rate_hz, channels)
        self._peak = TruePeakMeter(channels)
        self._bandwidth = BandwidthMeter(sample_rate_hz)
        self._mono_energy = self._channel_energy = 0.0
        self.frames = 0

    def update(self, block: NDArray[np.float32], mono: NDArray[np.float32]) -> None:
        """Take the next samples, float32 (frames, channels) and finite, and their mix (frames,)."""
        self.frames += len(block)
        self._loudness.update(block)
        if not block.any():  # digital silence has neither an edge nor a peak
            return
        self._peak.update(block)
        self._bandwidth.update(mono)
        self._mono_energy += float(np.sum(np.square(mono, dtype=np.float64)))
        channels = sum(np.sum(np.square(c, dtype=np.float64)) for c in block.T)
        self._channel_energy += float(channels) / block.shape[1]

    @property
    def cancelled(self) -> bool:
        """Whether the mix is next to nothing where the channels are not."""
        return self._mono_energy < 10 ** (-CANCELLED_BELOW_DB / 10) * self._channel_energy

    def bandwidth_hz(self) -> float | None:
        """Return the upper edge of what there is to hear; None in silence."""
        return self._bandwidth.upper_edge_hz() or None

    def loudness_lufs(self) -> float | None:
        """Return the integrated loudness of all channels; None where all is below its gate."""
        return _finite(self._loudness.integrated_lufs())

    def true_peak_dbtp(self) -> float | None:
        """Return the true peak so far; None in digital silence."""
        return _finite(self._peak.true_peak_dbtp())


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
