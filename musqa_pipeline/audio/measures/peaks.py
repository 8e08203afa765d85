"""True peak and phase correlation of a stream, fed in blocks."""

from __future__ import annotations

import math

import numpy as np
import scipy
from numpy.typing import NDArray

OVERSAMPLING = 4
HALF_TAPS = 12
"""Input samples that the interpolator looks at on each side."""
CHUNK_FRAMES = 1_024


class TruePeakMeter:
    """Largest magnitude of the 4x oversampled signal, in the manner of BS.1770-4 Annex 2.

    The interpolator is a Kaiser-windowed sinc of 24 taps a phase. Most chunks are never
    interpolated: no value between samples can exceed the largest sample around it by more than
    the taps' absolute sum, so those that cannot beat the peak found so far are skipped.
    """

    def __init__(self, channels: int) -> None:
        length = 2 * HALF_TAPS * OVERSAMPLING + 1
        taps = OVERSAMPLING * scipy.signal.firwin(length, 1 / OVERSAMPLING, window=("kaiser", 5.0))
        self._taps = taps.astype(np.float32)
        self._largest_gain = max(np.abs(taps[i::OVERSAMPLING]).sum() for i in range(OVERSAMPLING))
        self._before = np.zeros((2 * HALF_TAPS, channels), np.float32)
        self._peak = 0.0

    def update(self, block: NDArray[np.float32]) -> None:
        """Take the next samples of shape (frames, channels), finite; full scale is 1.0."""
        if not len(block):
            return
        joined = np.concatenate([self._before, block])
        self._before = joined[-2 * HALF_TAPS :]
        levels = np.abs(joined[:, 0])
        for channel in joined.T[1:]:
            np.maximum(levels, np.abs(channel), out=levels)
        self._peak = max(self._peak, float(levels.max()))
        starts = np.arange(0, len(block), CHUNK_FRAMES)
        # A chunk's taps reach into the samples after it.
        reach = np.maximum.reduceat(levels, starts)
        loudest = np.maximum(reach, np.append(reach[1:], levels[-2 * HALF_TAPS :].max()))
        for i in np.argsort(-loudest, kind="stable"):
            if loudest[i] * self._largest_gain <= self._peak:
                return
            part = joined[starts[i] : starts[i] + CHUNK_FRAMES + 2 * HALF_TAPS]
            between = scipy.signal.upfirdn(self._taps, part, up=OVERSAMPLING, axis=0)
            whole = between[2 * HALF_TAPS * OVERSAMPLING : len(part) * OVERSAMPLING]
            self._peak = max(self._peak, float(np.abs(whole).max(initial=0.0)))

    def true_peak_dbtp(self) -> float:
        """Return the true peak of all samples so far; -inf for digital silence."""
        channels = self._before.shape[1]
        self.update(np.zeros((2 * HALF_TAPS, channels), np.float32))
        return 20.0 * math.log10(self._peak) if self._peak > 0 else -math.inf


class PhaseMeter:
    """Correlation of the first two channels over the whole stream."""

    def __init__(self, channels: int) -> None:
        self._channels = channels
        self._products = np.zeros(3)

    def update(self, block: NDArray[np.float32]) -> None:
        """Take the next samples of shape (frames, channels), finite; full scale is 1.0."""
        if self._channels >= 2:
            left, right = block[:, 0].astype(np.float64), block[:, 1].astype(np.float64)
            # No dot product: BLAS sums in an order that depends on its number of threads.
            self._products += [
                np.sum(p * q) for p, q in ((left, right), (left, left), (right, right))
            ]

    def correlation(self) -> float:
        """Return the correlation of left and right so far.

        It is 1 for mono, and 0 where one channel is silent.
        """
        if self._channels < 2:
            return 1.0
        both, left, right = self._products
        if left == 0 or right == 0:
            return 0.0
        return float(np.clip(both / math.sqrt(left * right), -1.0, 1.0))
