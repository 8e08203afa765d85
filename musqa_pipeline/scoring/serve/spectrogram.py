"""A picture's worth of spectrogram of a recording of any length, in flat memory.

Rows are even parts of the band up to 24 kHz, so that the edges that codecs leave are seen; columns
are even parts of the time. Neighbouring columns are joined whenever there are too many.
"""

from __future__ import annotations

import base64

import numpy as np
from numpy.typing import NDArray

from musqa_pipeline.scoring.serve.answers import SpectrogramAnswer

MAX_COLUMNS = 600
"""Half of the columns that are kept at most; there are 600 to 1,200 of a longer recording."""
N_ROWS = 160
HIGHEST_HZ = 24_000
FLOOR_DB = -90.0
"""Level of the value 0; 255 stands for the loudest cell, 0 dB."""
_FFT_AT_48_KHZ = 2048


class SpectrogramMeter:
    """Adds up a spectrogram block by block."""

    def __init__(self, sample_rate_hz: int) -> None:
        self._rate = sample_rate_hz
        scale = max(0, round(np.log2(sample_rate_hz / 48_000)))
        self._n_fft = _FFT_AT_48_KHZ << scale
        self._hop = self._n_fft // 2
        self._window = np.hanning(self._n_fft + 1)[:-1].astype(np.float32)
        highest_bin = min(self._n_fft // 2, int(HIGHEST_HZ * self._n_fft / sample_rate_hz))
        self._edges = np.unique(np.linspace(0, highest_bin, N_ROWS + 1).astype(np.int64))
        self._sums = np.zeros((2 * MAX_COLUMNS, len(self._edges) - 1))
        self._frames_per_column = 1
        self._n_frames = 0
        self._rest = np.zeros(0, np.float32)

    def push(self, mono: NDArray[np.float32]) -> None:
        """Take the next samples of the mean of the channels, float32 (samples,)."""
        data = np.concatenate([self._rest, mono])
        n = (len(data) - self._n_fft) // self._hop + 1 if len(data) >= self._n_fft else 0
        if n:
            frames = np.lib.stride_tricks.sliding_window_view(data, self._n_fft)[:: self._hop][:n]
            spectra = np.fft.rfft(frames * self._window, axis=1)[:, : self._edges[-1]]
            power = spectra.real**2 + spectra.imag**2
            self._add(np.add.reduceat(power, self._edges[:-1], axis=1) / np.diff(self._edges))
        self._rest = data[n * self._hop :].copy()

    def finish(self) -> SpectrogramAnswer | None:
        """Return the picture; None for less than a frame."""
        if not self._n_frames:
            return None
        n_columns = -(-self._n_frames // self._frames_per_column)
        counts = np.full(n_columns, self._frames_per_column, np.float64)
        counts[-1] = self._n_frames - (n_columns - 1) * self._frames_per_column
        power = self._sums[:n_columns] / counts[:, None]
        loudest = power.max()
        relative = power / loudest if loudest else np.zeros_like(power)
        level_db = 10 * np.log10(np.maximum(relative, 10 ** (FLOOR_DB / 10)))
        cells = np.rint(255 * (1 - level_db / FLOOR_DB)).astype(np.uint8)
        return SpectrogramAnswer(
            columns=n_columns,
            rows=cells.shape[1],
            seconds_per_column=self._frames_per_column * self._hop / self._rate,
            highest_hz=float(self._edges[-1] * self._rate / self._n_fft),
            floor_db=FLOOR_DB,
            levels=base64.b64encode(cells.tobytes()).decode("ascii"),
        )

    def _add(self, rows: NDArray[np.floating]) -> None:
        """Add frames to their columns; join columns in pairs when they become too many."""
        while (self._n_frames + len(rows) - 1) // self._frames_per_column >= len(self._sums):
            half = self._sums[0::2] + self._sums[1::2]
            self._sums = np.concatenate([half, np.zeros_like(half)])
            self._frames_per_column *= 2
        column = (self._n_frames + np.arange(len(rows))) // self._frames_per_column
        np.add.at(self._sums, column, rows)
        self._n_frames += len(rows)
