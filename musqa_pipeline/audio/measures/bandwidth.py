"""The upper edge of a spectrum: where the sound ends and noise, dither or nothing begins.

Codecs and low-passes leave a cliff. The long-term spectrum (95th percentile over time, so that a
cymbal hit once a bar counts) is searched for the highest frequency that is not far below the
loudest one; then, downward from there, for the cliff that steady noise or a codec's remnants hide.
A dark instrument that sinks into its own noise without a cliff is not cut off: its edge is where
the noise ends.
"""

from __future__ import annotations

import numpy as np
import scipy
from numpy.typing import NDArray

BAND_HZ = 125.0
PERCENTILE = 95.0
MAX_FRAMES = 2_048
"""Frames kept of a long stream; when there are more, every second one is dropped."""
DYNAMIC_RANGE_DB = 85.0
"""Bands this far below the loudest one carry no sound that a 16-bit file could hold."""
CLIFF_BANDS = 4
"""A cliff falls within this many bands, half a kilohertz: what codecs and steep filters do."""
CODEC_CLIFF_DB = 22.0
"""A fall that no instrument ends with; what is left above it is no sound, steady or not."""
NOISE_CLIFF_DB = 16.0
"""A fall of this much counts where only steady noise lies above it."""
STEADY_DB = 3.5
"""Largest distance of the 95th percentile from the median in a band of steady noise; for
Gaussian noise it is about 2.3 dB in a band of 125 Hz."""
NOISE_BELOW_PEAK_DB = 45.0
"""Steady noise above a cliff is at least this far below the loudest band; else it is music."""
REMNANT_BELOW_PEAK_DB = 55.0
"""What lies above a codec's cliff is at least this far below the loudest band."""
SKIRT_DB_PER_OCTAVE = 80.0
"""Music rarely falls as steeply as this; filters of the seventh order and more do."""
FLOOR_MARGIN_DB = 8.0
"""Sound stands at least this far above the steady noise."""
LOWEST_CLIFF_HZ = 2_500.0
"""Below this a fall is more often the end of a bass line than of a recording."""


class BandwidthMeter:
    """Upper spectral edge of a mono stream, fed in blocks, in bounded memory."""

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
        """Take the next samples of shape (samples,), finite; full scale is 1.0."""
        joined = np.concatenate([self._rest, mono])
        n_frames = len(joined) // self._n_fft
        frames = joined[: n_frames * self._n_fft].reshape(n_frames, self._n_fft)
        self._rest = joined[n_frames * self._n_fft :]
        chosen = [i for i in range(n_frames) if (self._seen + i) % self._stride == 0]
        self._seen += n_frames
        if not chosen:
            return
        spectrum = scipy.fft.rfft(frames[chosen] * self._window, axis=1)[:, : self._n_fft // 2]
        power = spectrum.real**2 + spectrum.imag**2
        bands = np.add.reduceat(power, self._starts, axis=1)[:, : len(self._starts)]
        self._kept.extend(bands / np.float32(np.square(self._window).sum()) ** 2)
        while len(self._kept) > MAX_FRAMES:
            self._kept = self._kept[::2]
            self._stride *= 2

    def upper_edge_hz(self) -> float:
        """Return the upper edge so far, between 0 (silence) and half the sample rate."""
        if not self._kept:
            return 0.0
        decibels = 10.0 * np.log10(np.stack(self._kept) + 1e-20)
        loud, middle = np.percentile(decibels, [PERCENTILE, 50.0], axis=0)
        bands = _last_sound(loud, middle, int(LOWEST_CLIFF_HZ / self._band_hz))
        return min(bands * self._band_hz, self._rate / 2)

    def fall_db(self, edge_hz: float) -> float:
        """Return how far the loud spectrum falls within half a kilohertz at a frequency.

        From just below to just above; 0 where there is nothing above or below.
        """
        edge = round(edge_hz / self._band_hz)
        if not self._kept or edge < CLIFF_BANDS or edge + CLIFF_BANDS >= len(self._starts):
            return 0.0
        decibels = 10.0 * np.log10(np.stack(self._kept)[:, edge - 4 : edge + 5] + 1e-20)
        loud = np.percentile(decibels, PERCENTILE, axis=0)
        return float(np.median(loud[:4]) - loud[-3:].max())


def upper_edge_hz(samples_mono: NDArray[np.float32], sample_rate_hz: int) -> float:
    """Find where the spectrum of a mono recording ends, to about 125 Hz.

    It is 0 for silence or less than 85 ms.
    """
    meter = BandwidthMeter(sample_rate_hz)
    meter.update(np.asarray(samples_mono, np.float32))
    return meter.upper_edge_hz()


def _last_sound(loud: NDArray[np.float64], middle: NDArray[np.float64], lowest_cliff: int) -> int:
    """Return the number of bands, from 0 Hz upward, below the edge."""
    peak = loud.max()
    if peak < -120.0:
        return 0
    smooth = _median3(loud)  # one band alone is a pilot tone or a mains harmonic, no music
    steady = (_median3(loud - middle) < STEADY_DB) & (smooth < peak - NOISE_BELOW_PEAK_DB)
    sounding = np.flatnonzero(smooth > peak - DYNAMIC_RANGE_DB)
    if not len(sounding):  # a lone tone
        return int(np.argmax(loud)) + 1
    edge = int(sounding[-1]) + 1
    # Noise ends in a cliff of its own (anti-alias filters): start below it.
    unsteady = np.flatnonzero(~steady[: max(1, edge - CLIFF_BANDS)])
    last = int(unsteady[-1]) + 1 if len(unsteady) else edge  # all steady: no music to tell apart
    if last < edge - 2 * CLIFF_BANDS:
        noise = float(np.median(smooth[last : edge - CLIFF_BANDS]))
        fall = smooth[max(0, last - 2 * CLIFF_BANDS) : last].max() - noise
        if fall >= NOISE_CLIFF_DB:
            edge = int(np.flatnonzero(smooth[:edge] > noise + FLOOR_MARGIN_DB)[-1]) + 1
    edge = _below_codec_cliff(smooth, edge, peak, lowest_cliff)
    return _top_of_skirt(smooth, edge)


def _below_codec_cliff(
    smooth: NDArray[np.float64], edge: int, peak: float, lowest_cliff: int
) -> int:
    """Lower the edge to a cliff so high that what is left above it is no part of the music."""
    if edge <= CLIFF_BANDS:  # a few bands at the bottom hold no cliff
        return edge
    rest = np.maximum.accumulate(smooth[:edge][::-1])[::-1]  # loudest of a band and all above
    before, after = smooth[: edge - CLIFF_BANDS], rest[CLIFF_BANDS:]
    cliffs = (before - after >= CODEC_CLIFF_DB) & (after < peak - REMNANT_BELOW_PEAK_DB)
    cliffs[:lowest_cliff] = False
    if not cliffs.any():
        return edge
    foot = int(np.flatnonzero(cliffs)[-1])
    steps = smooth[foot : foot + CLIFF_BANDS] - smooth[foot + 1 : foot + CLIFF_BANDS + 1]
    return foot + int(np.argmax(steps)) + 1


def _top_of_skirt(smooth: NDArray[np.float64], edge: int) -> int:
    """Walk up a filter's skirt to where its fall begins."""
    while edge > CLIFF_BANDS + 1:
        top, foot = edge - 1 - CLIFF_BANDS, edge - 1
        octaves = np.log2((foot + 0.5) / (top + 0.5))
        if smooth[top] - smooth[foot] < SKIRT_DB_PER_OCTAVE * octaves:
            break
        edge -= 1
    return edge


def _median3(values: NDArray[np.float64]) -> NDArray[np.float64]:
    padded = np.concatenate([values[:1], values, values[-1:]])
    return np.median(np.stack([padded[:-2], padded[1:-1], padded[2:]]), axis=0)
