"""A section: ten seconds of a recording, with the analyses that several detectors share."""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.fft import next_fast_len, rfft

SECTION_S = 10.0
BLOCK_S = 0.0005
"""What lasts a moment is looked for in blocks of this length."""
FRAME_S = 0.043
"""Length of a spectrum, to the nearest power of two: 2048 samples at 44.1 and 48 kHz."""


@dataclass(frozen=True, eq=False)
class Section:
    """A stretch of sound and its place in the recording."""

    samples: NDArray[np.float32]
    """Shape (frames, channels), finite, full scale 1.0."""
    sample_rate_hz: int
    start_s: float = 0.0
    """Time of the first sample."""

    @property
    def stop_s(self) -> float:
        """Time after the last sample."""
        return self.start_s + len(self.samples) / self.sample_rate_hz

    def times(self, first: int, stop: int) -> tuple[float, float]:
        """Return the times of a sample of the section and of the first one after a part of it."""
        rate = self.sample_rate_hz
        return self.start_s + first / rate, self.start_s + stop / rate

    @functools.cached_property
    def channels(self) -> tuple[NDArray[np.float32], ...]:
        """Each channel, contiguous in memory, shape (frames,)."""
        return tuple(np.ascontiguousarray(c) for c in self.samples.T)

    @functools.cached_property
    def mono(self) -> NDArray[np.float32]:
        """Mean of the channels, shape (frames,)."""
        if len(self.channels) == 1:
            return self.channels[0]
        total = self.channels[0] + self.channels[1]
        for channel in self.channels[2:]:
            total += channel
        return total / np.float32(len(self.channels))

    @property
    def block_samples(self) -> int:
        """Samples of a block of `BLOCK_S`."""
        return max(4, round(BLOCK_S * self.sample_rate_hz))

    @property
    def _n_fft(self) -> int:
        return 1 << max(6, round(np.log2(self.sample_rate_hz * FRAME_S)))

    @property
    def bin_hz(self) -> float:
        """Distance of two bins of `power`."""
        return self.sample_rate_hz / self._n_fft

    @functools.cached_property
    def power(self) -> NDArray[np.float32]:
        """Power spectra of `mono`, shape (spectra, bins); a full-scale sine has power 1/4.

        Hann window, half overlapped.
        """
        n = self._n_fft
        if len(self.mono) < n:
            return np.zeros((0, n // 2), np.float32)
        frames = np.lib.stride_tricks.sliding_window_view(self.mono, n)
        spectra = rfft(frames[:: n // 2] * _window(n), axis=1, overwrite_x=True)[:, :-1]
        return spectra.real**2 + spectra.imag**2

    @functools.cached_property
    def fine(self) -> tuple[NDArray[np.float32], float]:
        """Power spectra of two seconds each, shape (spectra, bins), and the distance of bins, Hz.

        Hann window, not overlapped; a full-scale sine has power 1/4.
        """
        n = next_fast_len(2 * self.sample_rate_hz, real=True)
        count = len(self.mono) // n
        frames = self.mono[: count * n].reshape(count, n) * _window(n)
        spectra = rfft(frames, axis=1)
        return spectra.real**2 + spectra.imag**2, self.sample_rate_hz / n


def in_blocks(
    samples: NDArray[np.float32], size: int
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Cut samples into blocks, shape (blocks, size), and return them with their mean powers."""
    count = len(samples) // size
    blocks = samples[: count * size].reshape(count, size)
    return blocks, np.einsum("ij,ij->i", blocks, blocks) / np.float32(size)


@functools.lru_cache(maxsize=16)
def _window(n: int) -> NDArray[np.float32]:
    """Hann, scaled so that a full-scale sine has amplitude 1/2 in its bin."""
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(n) / n)
    return (window / window.sum()).astype(np.float32)
