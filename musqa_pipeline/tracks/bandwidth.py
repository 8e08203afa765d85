"""The upper edge of a spectrum: where the sound ends and noise, dither or nothing begins.

Codecs and low-passes leave a cliff. The long-term spectrum (95th percentile over time, so that a
cymbal hit once a bar counts) is searched for the highest frequency that carries sound; then, if
what lies under that frequency is only a steady, flat noise, for the cliff beneath the noise.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.fft import rfft

BAND_HZ = 125.0
PERCENTILE = 95.0
MAX_FRAMES = 2_048
"""Frames kept of a long stream; when there are more, every second one is dropped."""
DYNAMIC_RANGE_DB = 85.0
"""Bands this far below the loudest one carry no sound that a 16-bit file could hold."""
FLOOR_MARGIN_DB = 8.0
"""Sound must stand this far above the quietest band where that one is steady noise."""
CLIFF_DB = 12.0
"""Least fall of a cliff, within `CLIFF_BANDS`."""
CLIFF_BANDS = 4
STEADY_DB = 3.5
"""Largest distance of the 95th percentile from the median in a band of steady noise."""
NOISE_BELOW_PEAK_DB = 45.0
"""Noise above a cliff is at least this far below the loudest band; else it is music."""


class BandwidthMeter:
    """Upper spectral edge of a mono stream, fed in blocks, in bounded memory.

    Parameters
    ----------
    sample_rate_hz : int
        Of the stream.
    """

    def __init__(self, sample_rate_hz: int) -> None:
        self._rate = sample_rate_hz
        # About 85 ms whatever the rate: 4096 samples at 44.1 and 48 kHz.
        self._n_fft = 1 << max(8, round(np.log2(sample_rate_hz * 4096 / 48_000)))
        self._window = np.hanning(self._n_fft).astype(np.float32)
        width = max(1, round(BAND_HZ * self._n_fft / sample_rate_hz))
        self._starts = np.arange(0, self._n_fft // 2 - width + 1, width)
        self._band_hz = width * sample_rate_hz / self._n_fft
        self._rest = np.zeros(0, np.float32)
        self._kept: list[NDArray[np.float32]] = []
        self._stride = 1
        self._seen = 0

    def update(self, mono: NDArray[np.float32]) -> None:
        """Take the next samples.

        Parameters
        ----------
        mono : ndarray of float32, shape (samples,)
            Full scale is 1.0; finite.
        """
        joined = np.concatenate([self._rest, mono])
        n_frames = len(joined) // self._n_fft
        frames = joined[: n_frames * self._n_fft].reshape(n_frames, self._n_fft)
        self._rest = joined[n_frames * self._n_fft :]
        chosen = [i for i in range(n_frames) if (self._seen + i) % self._stride == 0]
        self._seen += n_frames
        if not chosen:
            return
        spectrum = rfft(frames[chosen] * self._window, axis=1)[:, : self._n_fft // 2]
        power = spectrum.real**2 + spectrum.imag**2
        bands = np.add.reduceat(power, self._starts, axis=1)[:, : len(self._starts)]
        self._kept.extend(bands / np.float32(np.square(self._window).sum()) ** 2)
        while len(self._kept) > MAX_FRAMES:
            self._kept = self._kept[::2]
            self._stride *= 2

    def upper_edge_hz(self) -> float:
        """Return the upper edge of all samples so far.

        Returns
        -------
        float
            In hertz, between 0 (silence) and half the sample rate.
        """
        if not self._kept:
            return 0.0
        decibels = 10.0 * np.log10(np.stack(self._kept) + 1e-20)
        loud, middle = np.percentile(decibels, [PERCENTILE, 50.0], axis=0)
        bands = _last_sound(loud, middle)
        return min(bands * self._band_hz, self._rate / 2)


def upper_edge_hz(samples_mono: NDArray[np.float32], sample_rate_hz: int) -> float:
    """Find where the spectrum of a recording ends.

    Parameters
    ----------
    samples_mono : ndarray of float32, shape (samples,)
        Full scale is 1.0.
    sample_rate_hz : int
        Sample rate.

    Returns
    -------
    float
        Upper edge in hertz, to about 125 Hz; 0 for silence or less than 85 ms.
    """
    meter = BandwidthMeter(sample_rate_hz)
    meter.update(np.asarray(samples_mono, np.float32))
    return meter.upper_edge_hz()


def _last_sound(loud: NDArray[np.float64], middle: NDArray[np.float64]) -> int:
    """Return the number of bands, from 0 Hz upward, below the edge."""
    peak = loud.max()
    if peak < -120.0:
        return 0
    smooth = _median3(loud)  # one band alone is a pilot tone or a mains harmonic, no music
    steady = loud - middle < STEADY_DB
    threshold = peak - DYNAMIC_RANGE_DB
    above = np.flatnonzero(smooth > threshold)
    edge = int(above[-1]) + 1
    # From the top down: as long as it is steady noise far below the peak, look for the cliff.
    last = edge
    while last > 1 and steady[last - 1] and smooth[last - 1] < peak - NOISE_BELOW_PEAK_DB:
        last -= 1
    if last < edge - CLIFF_BANDS:
        noise = np.median(smooth[last:edge])
        fall = smooth[max(0, last - CLIFF_BANDS) : last].max(initial=-np.inf) - noise
        if fall >= CLIFF_DB:
            over = np.flatnonzero(smooth[:edge] > noise + FLOOR_MARGIN_DB)
            return int(over[-1]) + 1
    return edge


def _median3(values: NDArray[np.float64]) -> NDArray[np.float64]:
    padded = np.concatenate([values[:1], values, values[-1:]])
    return np.median(np.stack([padded[:-2], padded[1:-1], padded[2:]]), axis=0)
