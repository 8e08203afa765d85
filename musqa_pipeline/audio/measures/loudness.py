"""Integrated loudness of an excerpt, and of a stream of any length.

The K-weighting filters are pyloudnorm's. `LoudnessMeter` puts the gating blocks where pyloudnorm
puts them; unlike there, samples arrive block by block and more than five channels are allowed.
"""

from __future__ import annotations

import functools
import math
import warnings
from typing import Any

import numpy as np
import scipy
from numpy.typing import NDArray

from musqa_pipeline.audio.constants import SAMPLE_RATE_HZ

BLOCK_S = 0.4
HOP_S = 0.1
SURROUND_WEIGHT = 1.41
ABSOLUTE_GATE_LUFS = -70.0
RELATIVE_GATE_LU = -10.0
_DEAD = 1e-15
"""A filter state this small gives energies that no sum of a double holds."""


def integrated_lufs(samples: NDArray[np.floating], sample_rate_hz: int = SAMPLE_RATE_HZ) -> float:
    """Measure the loudness of 400 ms or more after ITU-R BS.1770-4 with pyloudnorm.

    Samples are mono or of shape (n, channels), up to five. It is -inf where every gating block is
    below -70 LUFS.
    """
    with warnings.catch_warnings():  # numpy's, about the mean of no block
        warnings.simplefilter("ignore", RuntimeWarning)
        return float(_meter(sample_rate_hz).integrated_loudness(np.asarray(samples, np.float64)))


def gain_to_target_db(measured_lufs: float, target_lufs: float) -> float:
    """Return the gain between two loudnesses; raise ValueError if `measured_lufs` is not finite."""
    if not math.isfinite(measured_lufs):
        raise ValueError(f"measured_lufs={measured_lufs}: expected finite; drop the signal")
    return target_lufs - measured_lufs


@functools.cache
def _meter(sample_rate_hz: int) -> Any:
    import pyloudnorm

    return pyloudnorm.Meter(sample_rate_hz)


class LoudnessMeter:
    """Integrated loudness after ITU-R BS.1770-4 [1]_, fed in blocks.

    Five channels are L, R, C, Ls, Rs; six are 5.1 in the order of WAV (L, R, C, LFE, Ls, Rs),
    where the LFE does not count; of any other number all channels weigh the same.

    References
    ----------
    .. [1] ITU-R BS.1770-4 (2015), Annex 1: objective multichannel loudness measurement algorithm.
    """

    def __init__(self, sample_rate_hz: int, channels: int) -> None:
        from pyloudnorm.iirfilter import IIRfilter

        filters = (
            IIRfilter(4.0, 1 / math.sqrt(2), 1500.0, sample_rate_hz, "high_shelf"),
            IIRfilter(0.0, 0.5, 38.0, sample_rate_hz, "high_pass"),
        )
        self._filters = [(f.passband_gain * f.b, f.a) for f in filters]
        self._states = [np.zeros((2, channels)) for _ in filters]
        self._weights = np.array(
            {
                5: [1.0, 1.0, 1.0, SURROUND_WEIGHT, SURROUND_WEIGHT],
                6: [1.0, 1.0, 1.0, 0.0, SURROUND_WEIGHT, SURROUND_WEIGHT],
            }.get(channels, [1.0] * channels)
        )
        self._rate = sample_rate_hz
        self._frames = 0
        self._hops: list[float] = [0.0]
        """Weighted energy between the hop boundaries int(j * HOP_S * rate)."""

    def update(self, block: NDArray[np.float32]) -> None:
        """Take the next samples of shape (frames, channels), finite; full scale is 1.0."""
        if not len(block):
            return
        weighted = block.astype(np.float64)
        # Hours of digital silence need no filter once its echo has died away.
        if block.any() or max(float(np.abs(state).max()) for state in self._states) > _DEAD:
            for i, (b, a) in enumerate(self._filters):
                weighted, self._states[i] = scipy.signal.lfilter(
                    b, a, weighted, axis=0, zi=self._states[i]
                )
        energy = np.zeros(len(block))
        # No matrix product: BLAS sums in an order that depends on its number of threads.
        for channel, weight in zip(weighted.T, self._weights, strict=True):
            energy += weight * np.square(channel)
        end = self._frames + len(block)
        cuts = [0]
        while (cut := self._boundary(len(self._hops) + len(cuts) - 1)) < end:
            cuts.append(cut - self._frames)
        total = np.concatenate([[0.0], np.cumsum(energy)])
        parts = np.diff(total[[*cuts, len(block)]])
        self._hops[-1] += float(parts[0])
        self._hops.extend(float(part) for part in parts[1:])
        self._frames = end

    def _boundary(self, index: int) -> int:
        return int(BLOCK_S * (index * 0.25) * self._rate)

    def windows_lufs(self, n_hops: int) -> NDArray[np.float64]:
        """Return the loudness of each window of so many `HOP_S`, from hop to hop, ungated.

        It has shape (windows,), without any for fewer samples than a window has, and is -inf where
        all samples are zero.
        """
        n_whole = int(self._frames / self._rate / HOP_S + 1e-9)
        total = np.concatenate([[0.0], np.cumsum(self._hops[:n_whole])])
        power = (total[n_hops:] - total[:-n_hops]) / (n_hops * HOP_S * self._rate)
        with np.errstate(divide="ignore"):
            return -0.691 + 10.0 * np.log10(np.maximum(power, 0.0))

    def integrated_lufs(self) -> float:
        """Return the loudness of all samples so far.

        It is -inf for less than 400 ms or where every block is below the absolute gate.
        """
        n_blocks = round((self._frames / self._rate - BLOCK_S) / HOP_S) + 1
        if self._frames < BLOCK_S * self._rate or n_blocks < 1:
            return -math.inf
        total = np.concatenate([[0.0], np.cumsum(self._hops)])
        starts = np.arange(n_blocks)
        ends = np.minimum(starts + 4, len(total) - 1)
        power = (total[ends] - total[np.minimum(starts, len(total) - 1)]) / (BLOCK_S * self._rate)
        with np.errstate(divide="ignore"):
            loudness = -0.691 + 10.0 * np.log10(np.maximum(power, 0.0))
        kept = loudness >= ABSOLUTE_GATE_LUFS
        if not kept.any():
            return -math.inf
        gate = -0.691 + 10.0 * math.log10(power[kept].mean()) + RELATIVE_GATE_LU
        kept = (loudness > gate) & (loudness > ABSOLUTE_GATE_LUFS)
        return -0.691 + 10.0 * math.log10(power[kept].mean()) if kept.any() else -math.inf
