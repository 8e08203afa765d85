"""The cliff that a lossy codec leaves in a spectrum, and its holes.

Lossy encoders cut the top of the spectrum, and a cut of theirs falls by tens of decibels within
half a kilohertz, which neither an instrument nor a room does.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from musqa_pipeline.audio.measures.bandwidth import PERCENTILE

CLIFF_HZ = 500.0
LOWEST_CLIFF_HZ, HIGHEST_CLIFF_HZ = 10_000.0, 20_300.0
"""Below, codecs of any use cut nothing; above begins the anti-alias filter of the CD."""
GAP_RANGE_HZ = (16_000.0, 19_500.0)
EMPTY_BELOW_PEAK_DB = 95.0
QUIET_BELOW_PEAK_DB = 40.0
CELL_BINS = 16
SMOOTH_BINS = 5


@dataclass(frozen=True)
class Spectrum:
    """What of a spectrum tells a codec."""

    cliff_db: float
    """Largest fall within `CLIFF_HZ` between 10 and 20.3 kHz."""
    cliff_hz: float
    """Where it begins."""
    gaps_frac: float
    """Part of the cells (23 ms, 350 Hz) between 16 and 19.5 kHz that hold nothing while the music
    sounds: 95 dB below the loudest cell."""


def analyse(excerpts: Sequence[NDArray[np.float32]], sample_rate_hz: int) -> Spectrum:
    """Measure the cliff and the holes of excerpts, each mono, float32 (samples,) and finite.

    All is zero where the rate is too low to tell (below about 22 kHz), or nothing sounds.
    """
    from scipy.fft import rfft

    n_fft = 1 << max(6, round(np.log2(sample_rate_hz * 2048 / 44_100)))
    window = np.hanning(n_fft).astype(np.float32)
    powers = []
    for mono in excerpts:
        if len(mono) >= n_fft:
            frames = np.lib.stride_tricks.sliding_window_view(mono, n_fft)[:: n_fft // 2]
            spectrum = rfft(frames * window, axis=1)[:, : n_fft // 2]
            powers.append(spectrum.real**2 + spectrum.imag**2)
    if not powers:
        return Spectrum(0.0, 0.0, 0.0)
    power: NDArray[np.float32] = np.concatenate(powers)
    power /= np.float32((window.sum() / 2) ** 2)
    bin_hz = sample_rate_hz / n_fft
    cliff_db, cliff_hz = _cliff(power, bin_hz)
    return Spectrum(cliff_db, cliff_hz, _gaps(power, bin_hz))


def _cliff(power: NDArray[np.float32], bin_hz: float) -> tuple[float, float]:
    # The 95th percentile, so that a cymbal once a bar counts; by partition, which is linear.
    rank = min(len(power) - 1, int(len(power) * PERCENTILE / 100))
    loud = np.partition(power, rank, axis=0)[rank]
    levels = 10.0 * np.log10(loud.astype(np.float64) + 1e-16)
    smooth = np.convolve(levels, np.full(SMOOTH_BINS, 1 / SMOOTH_BINS), "same")
    width = max(1, round(CLIFF_HZ / bin_hz))
    first = int(LOWEST_CLIFF_HZ / bin_hz) + 1
    # The last bins hold the end of the spectrum, where any file falls.
    last = min(int(HIGHEST_CLIFF_HZ / bin_hz), len(smooth) - 2 * width)
    if last <= first:
        return 0.0, 0.0
    falls = smooth[first:last] - smooth[first + width : last + width]
    at = int(np.argmax(falls))
    return max(0.0, float(falls[at])), (first + at) * bin_hz


def _gaps(power: NDArray[np.float32], bin_hz: float) -> float:
    n_cells = power.shape[1] // CELL_BINS
    cells = power[:, : n_cells * CELL_BINS].reshape(len(power), n_cells, CELL_BINS).mean(axis=2)
    cell_hz = np.arange(n_cells) * CELL_BINS * bin_hz
    inside = (cell_hz > GAP_RANGE_HZ[0]) & (cell_hz < GAP_RANGE_HZ[1])
    peak = float(cells.max())
    if not inside.any() or peak <= 0:
        return 0.0
    middle = (cell_hz > 500) & (cell_hz < 4_000)  # all music is there
    loudness = cells[:, middle].max(axis=1)
    heard = cells[loudness > loudness.max() * 10 ** (-QUIET_BELOW_PEAK_DB / 10)][:, inside]
    return float(np.mean(heard < peak * 10 ** (-EMPTY_BELOW_PEAK_DB / 10))) if len(heard) else 0.0
