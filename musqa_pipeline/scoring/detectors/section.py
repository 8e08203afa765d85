"""A section: ten seconds of a recording, with the analyses that several detectors share."""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.fft import next_fast_len, rfft

SECTION_S = 10.0
FRAME_S = 0.043
"""Length of a spectrum, to the nearest power of two: 2048 samples at 44.1 and 48 kHz."""
FLOOR_POWER = np.float32(1e-14)
"""Added to powers before a logarithm: -140 dB relative to a full-scale sine."""


@dataclass(frozen=True, eq=False)
class Section:
    """A stretch of sound and its place in the recording."""

    samples: NDArray[np.float32]
    """Shape (frames, channels), finite, full scale 1.0."""
    sample_rate_hz: int
    start_s: float = 0.0
    """Time of the first sample."""

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return len(self.samples) / self.sample_rate_hz

    @property
    def stop_s(self) -> float:
        """Time after the last sample."""
        return self.start_s + self.duration_s

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
    def n_fft(self) -> int:
        """Samples of a spectrum."""
        return frame_samples(self.sample_rate_hz)

    @property
    def hop_samples(self) -> int:
        """Samples between two spectra, half of one."""
        return self.n_fft // 2

    @property
    def bin_hz(self) -> float:
        """Distance of two bins of `power`."""
        return self.sample_rate_hz / self.n_fft

    @functools.cached_property
    def power(self) -> NDArray[np.float32]:
        """Power spectra of `mono`, shape (spectra, n_fft // 2); a full-scale sine has power 1/4.

        Hann window, half overlapped. Row `i` begins at sample ``i * hop_samples``.
        """
        if len(self.mono) < self.n_fft:
            return np.zeros((0, self.n_fft // 2), np.float32)
        frames = np.lib.stride_tricks.sliding_window_view(self.mono, self.n_fft)
        windowed = frames[:: self.hop_samples] * _window(self.n_fft)
        spectra = rfft(windowed, axis=1, overwrite_x=True)[:, :-1]
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

    def seconds_of(self, frame: int) -> float:
        """Return the time at which spectrum `frame` begins.

        Parameters
        ----------
        frame : int
            Row of `power`.

        Returns
        -------
        float
            In seconds of the recording.
        """
        return self.start_s + frame * self.hop_samples / self.sample_rate_hz


def frame_samples(sample_rate_hz: int) -> int:
    """Return the samples of a spectrum at a rate.

    Parameters
    ----------
    sample_rate_hz : int
        Of the recording.

    Returns
    -------
    int
        A power of two.
    """
    return 1 << max(6, round(np.log2(sample_rate_hz * FRAME_S)))


@functools.lru_cache(maxsize=16)
def _window(n: int) -> NDArray[np.float32]:
    """Hann, scaled so that a full-scale sine has amplitude 1/2 in its bin."""
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(n) / n)
    return (window / window.sum()).astype(np.float32)
