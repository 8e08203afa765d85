"""Spectrograms the size of a stamp: a few hundred bytes a recording, painted by the page.

A page of 20,000 recordings must stay small, so what is stored is no picture file: 4 bits a cell,
two cells a byte, in one fixed size and scale, without a header. The page holds one table of colours
and paints the rows that are seen.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from musqa_pipeline.audio.constants import SAMPLE_RATE_HZ

COLUMNS, ROWS = 60, 24
HIGHEST_HZ = 22_000.0
"""Rows are equally wide, so that what a codec cut at the top is seen; the first row is the top."""
LEVELS = 16
RANGE_DB = 90.0
"""From black to the loudest cell of the excerpts."""
_N_FFT = 1_024


def thumbnail(excerpts: Sequence[NDArray[np.float32]], sample_rate_hz: int) -> bytes:
    """Paint the excerpts of a recording, mono, float32 (samples,), finite, side by side.

    Return ``COLUMNS * ROWS / 2`` bytes, row by row from the top; the first cell of two is the high
    half of its byte; 0 is `RANGE_DB` below the loudest cell, or less.
    """
    widths = [len(part) for part in np.array_split(np.arange(COLUMNS), max(1, len(excerpts)))]
    parts = [_powers(x, sample_rate_hz, n) for x, n in zip(excerpts, widths, strict=False)]
    image = np.concatenate(parts) if parts else np.zeros((COLUMNS, ROWS), np.float32)
    peak = float(image.max())
    if peak <= 0:
        return bytes(COLUMNS * ROWS // 2)
    decibels = 10.0 * np.log10(np.maximum(image / peak, 1e-12))
    steps = np.clip(np.floor((decibels / RANGE_DB + 1.0) * LEVELS), 0, LEVELS - 1).astype(np.uint8)
    cells = steps.T[::-1].ravel()
    return (cells[0::2] << 4 | cells[1::2]).tobytes()


def _powers(mono: NDArray[np.float32], sample_rate_hz: int, n_columns: int) -> NDArray[np.float32]:
    """Return the power of each cell, shape (n_columns, ROWS); 0 above half the sample rate."""
    from scipy.fft import rfft

    powers = np.zeros((n_columns, ROWS), dtype=np.float32)
    n_fft = max(64, round(_N_FFT * sample_rate_hz / SAMPLE_RATE_HZ))
    window = np.hanning(n_fft).astype(np.float32)
    edges = np.arange(ROWS + 1) * HIGHEST_HZ / ROWS * n_fft / sample_rate_hz
    bins = np.minimum(np.round(edges).astype(int), n_fft // 2)
    for column, part in enumerate(np.array_split(mono, n_columns)):
        count = len(part) // n_fft
        if not count:
            continue
        frames = part[: count * n_fft].reshape(count, n_fft)
        spectra = rfft(frames * window, axis=1)[:, : n_fft // 2]
        power = (spectra.real**2 + spectra.imag**2).mean(axis=0) / n_fft
        total = np.concatenate([[0.0], np.cumsum(power, dtype=np.float64)])
        widths = np.maximum(np.diff(bins), 1)
        powers[column] = np.diff(total[bins]) / widths
    return powers
