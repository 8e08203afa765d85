"""Levels over time and frequency of any part of a recording, in as many cells as are drawn.

A sine at full scale has 0 dB, whatever the rate, the frame and the zoom: power is the mean over
the time of a cell, and the loudest bin of its band. Rows that are narrower than a bin lie between
the levels of the two that are next to them.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.fft import rfft

from musqa_pipeline.audio.files.decoding import open_audio
from musqa_pipeline.audio.files.limits import MAX_DURATION_S
from musqa_pipeline.audio.files.reading import AudioInfo, to_mono
from musqa_pipeline.core.errors import SettingsError
from musqa_pipeline.scoring.picture.view import View

LOWEST_DB = -122.5
"""Level of what is softer, and of silence."""
STEP_DB = 0.5
"""Between the 256 values of a byte, the highest of which is +5 dB."""
_BATCH_SAMPLES = 1 << 20
"""Of the frames that are transformed at once."""


@dataclass(frozen=True)
class Levels:
    """What a view shows."""

    view: View
    """As it was asked for, fitted to the recording."""
    cells_db: NDArray[np.float32]
    """(columns, rows): from the start, and from the lowest frequency; at least `LOWEST_DB`."""
    sample_rate_hz: int
    channels: int
    duration_s: float
    """Of the recording."""
    frame_s: float
    """Length of the frames that were transformed."""

    def about(self) -> dict[str, float | int | str | None]:
        """Return what is shown of what, as plain values."""
        shown = self.view
        return {
            "duration_s": self.duration_s,
            "sample_rate_hz": self.sample_rate_hz,
            "channels": self.channels,
            "start_s": shown.start_s,
            "stop_s": shown.stop_s,
            "low_hz": shown.low_hz,
            "high_hz": shown.high_hz,
            "scale": shown.scale.value,
            "channel": shown.channel,
            "frame_s": self.frame_s,
        }


def measure_levels(path: Path, view: View, max_duration_s: float = MAX_DURATION_S) -> Levels:
    """Measure the part of a file that a view shows.

    Raises
    ------
    UnfitInputError
        If the file is no audio, damaged, or out of the limits.
    SettingsError
        If the file has nothing of what is asked for: the time, the band, the channel.
    """
    info, n_frames = _length(path, max_duration_s)
    rate_hz = info.sample_rate_hz
    check_channel(view.channel, info.channels)
    duration_s = n_frames / rate_hz
    fitted = view.within(duration_s, rate_hz)
    assert fitted.stop_s is not None
    n_fft = max(64, 1 << round(math.log2(fitted.frame_s * rate_hz)))
    per_column = (fitted.stop_s - fitted.start_s) * rate_hz / fitted.columns
    n_each = max(1, math.ceil(per_column / (n_fft // 2)))
    """Frames in a column; they overlap by half at least."""
    n_all = fitted.columns * n_each
    centres = fitted.start_s * rate_hz + (np.arange(n_all) + 0.5) * per_column / n_each
    starts = np.round(centres).astype(np.int64) - n_fft // 2
    first, stop = max(0, int(starts[0])), int(starts[-1]) + n_fft
    whole = first == 0 and stop >= n_frames
    part = {} if whole else {"start_frame": first, "n_frames": min(stop, n_frames) - first}
    bins = _Bins(fitted, n_fft, rate_hz)
    sums = np.zeros((fitted.columns, bins.stop - bins.first), np.float32)
    with open_audio(path, max_duration_s=max_duration_s, **part) as audio:
        blocks = (_one_channel(block, fitted.channel) for block in audio.blocks)
        done = 0
        for powers in _powers(blocks, starts - first, n_fft, bins):
            column = np.arange(done, done + len(powers)) // n_each
            begins = np.flatnonzero(np.diff(column, prepend=-1))
            sums[column[begins]] += np.add.reduceat(powers, begins, axis=0)
            done += len(powers)
    cells_db = bins.rows_db(sums / n_each)
    return Levels(fitted, cells_db, rate_hz, info.channels, duration_s, n_fft / rate_hz)


def as_bytes(cells_db: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Round levels to bytes: `LOWEST_DB` is 0, each step more `STEP_DB`."""
    return np.clip(np.rint((cells_db - LOWEST_DB) / STEP_DB), 0, 255).astype(np.uint8)


def check_channel(channel: str, n_channels: int) -> None:
    """Raise SettingsError if a recording has no such channel."""
    wanted = int(channel) if channel.isdigit() else 1 if channel == "mix" else 2
    if wanted > n_channels:
        has = "one channel" if n_channels == 1 else f"{n_channels} channels"
        raise SettingsError(f"channel {channel}: the recording has {has}; ask for mix, or for 1")


def _length(path: Path, max_duration_s: float) -> tuple[AudioInfo, int]:
    with open_audio(path, n_frames=0, max_duration_s=max_duration_s) as audio:
        info = audio.info
    if info.declared_frames:
        return info, info.declared_frames
    with open_audio(path, max_duration_s=max_duration_s) as audio:
        return info, sum(len(block) for block in audio.blocks)


def _one_channel(block: NDArray[np.float32], channel: str) -> NDArray[np.float32]:
    finite = np.nan_to_num(block, nan=0.0, posinf=0.0, neginf=0.0)
    if channel == "mix":
        return to_mono(finite)
    if channel in ("mid", "side"):
        sign = 1 if channel == "mid" else -1
        return (finite[:, 0] + sign * finite[:, 1]) / np.float32(2)
    return finite[:, {"left": 0, "right": 1}[channel] if channel.isalpha() else int(channel) - 1]


def _powers(
    blocks: Iterator[NDArray[np.float32]], starts: NDArray[np.int64], n_fft: int, bins: _Bins
) -> Iterator[NDArray[np.float32]]:
    """Yield the powers of the frames that begin at `starts`, (frames, bins), in batches.

    What lies before the first block and behind the last one is silent.
    """
    window = np.hanning(n_fft + 1)[:-1].astype(np.float32)
    scale = np.float32((2 / window.sum()) ** 2)
    most = max(1, _BATCH_SAMPLES // n_fft)
    lead = max(0, -int(starts[0]))
    held = np.zeros(lead, np.float32)
    held_from, done = -lead, 0

    def transformed(stop: int) -> Iterator[NDArray[np.float32]]:
        views = np.lib.stride_tricks.sliding_window_view(held, n_fft)
        for at in range(done, stop, most):
            frames = views[starts[at : min(at + most, stop)] - held_from] * window
            spectra = rfft(frames, axis=1)[:, bins.first : bins.stop]
            yield scale * (spectra.real**2 + spectra.imag**2)

    for block in blocks:
        held = np.concatenate([held, block])
        ready = int(np.searchsorted(starts, held_from + len(held) - n_fft, side="right"))
        if ready > done:
            yield from transformed(ready)
            done = ready
            unused = (
                int(starts[done]) if done < len(starts) else held_from + len(held)
            ) - held_from
            held, held_from = held[unused:], held_from + min(unused, len(held))
    if done < len(starts):
        missing = int(starts[-1]) + n_fft - held_from - len(held)
        held = np.concatenate([held, np.zeros(max(0, missing), np.float32)])
        yield from transformed(len(starts))


class _Bins:
    """Which bins of a transform a view needs, and how they make its rows."""

    def __init__(self, view: View, n_fft: int, sample_rate_hz: int) -> None:
        self._places = view.edges_hz() * n_fft / sample_rate_hz
        """Edges of the rows, in bins."""
        self.first = max(0, math.floor(self._places[0]))
        self.stop = min(n_fft // 2 + 1, math.ceil(self._places[-1]) + 1)

    def rows_db(self, power: NDArray[np.floating]) -> NDArray[np.float32]:
        """Return the levels of the rows, (columns, rows), of powers (columns, bins)."""
        places = self._places - self.first
        cells = np.maximum(power, np.float32(10 ** (LOWEST_DB / 10)))
        cells_db = 10 * np.log10(cells)
        middles = np.minimum((places[:-1] + places[1:]) / 2, cells.shape[1] - 1)
        below = np.minimum(middles.astype(np.int64), cells.shape[1] - 2)
        part = (middles - below).astype(np.float32)
        rows_db = (1 - part) * cells_db[:, below] + part * cells_db[:, below + 1]
        begins = np.ceil(places).astype(np.int64)
        has_bins = begins[1:] > begins[:-1]
        if has_bins.any():
            inside = cells_db[:, : min(int(begins[-1]), cells.shape[1])]
            starts = begins[:-1][has_bins]
            rows_db[:, has_bins] = np.maximum.reduceat(inside, starts, axis=1)
        return np.maximum(rows_db, LOWEST_DB)  # between two bins at it, sums are a hair below
