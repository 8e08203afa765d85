"""The band analysis that musqa-net and the descriptive features share; numpy and scipy alone.

Level is absolute: the signal is expected at the target loudness, and no image is scaled by its own
peak, because how much is left of a band is what tells a cut from quiet music. Frequency is fine
where codecs and filters cut (94 Hz from 6 kHz up). Time is coarse: 31 segments of a third of a
second, each with four statistics, since what an excerpt lost, it lost throughout.
"""

from __future__ import annotations

import functools

import numpy as np
import scipy
from numpy.typing import NDArray

from musqa_pipeline.audio.constants import EXCERPT_SAMPLES, SAMPLE_RATE_HZ
from musqa_pipeline.core.errors import UnfitInputError

TARGET_LUFS = -23.0
"""Loudness at which bands are measured."""
N_FFT = 2048
HOP_SAMPLES = 1024
FRAMES_PER_SEGMENT = 15
N_SEGMENTS = 31
N_BANDS = 256
LINEAR_FROM_BIN = 257
"""From 6 kHz up bands have the same width."""
BINS_PER_LINEAR_BAND = 4
STATISTICS = ("power", "log_power", "log_bins", "least")
"""Per segment and band, in dB: log of the mean power; mean of the log of the power, which is lower
where a band comes and goes; mean of the log of its single bins, which is lower where a codec left
holes in it; and the least power of a frame."""
N_COLUMNS = len(STATISTICS) * N_BANDS
FLOOR_DB = -100.0
"""Cells are 0 here and below, relative to full scale, per bin of a sine's power over noise."""
STEP_DB = 0.5
"""One step of a stored cell; 27.5 dB is the highest."""
HEARD_CELL = 12
"""-94 dB. What lies below tells how a file was stored: 16 bits at -23 LUFS leave -97 dB, a float
what its maker computed, a resampler or a lossy codec nothing. musqa-net takes it for this level."""
_FLOOR_POWER = np.float32(1e-10)
_FRAMES = FRAMES_PER_SEGMENT * N_SEGMENTS
_START = (EXCERPT_SAMPLES - N_FFT - (_FRAMES - 1) * HOP_SAMPLES) // 2


@functools.cache
def band_edges() -> NDArray[np.int64]:
    """Return the borders of the bands, as numbers of bins of a spectrum of `N_FFT` samples.

    `N_BANDS` + 1 of them: mel-spaced from 30 Hz to 6 kHz, then every `BINS_PER_LINEAR_BAND` bins up
    to 24 kHz.
    """
    bin_hz = SAMPLE_RATE_HZ / N_FFT
    low, high = (2595 * np.log10(1 + hz / 700) for hz in (30.0, LINEAR_FROM_BIN * bin_hz))
    mel = np.linspace(low, high, 65)
    bins = np.unique(np.round(700 * (10 ** (mel / 2595) - 1) / bin_hz).astype(np.int64))
    linear = np.arange(LINEAR_FROM_BIN, N_FFT // 2 + 2, BINS_PER_LINEAR_BAND)
    return np.concatenate([bins[bins < LINEAR_FROM_BIN], linear])


@functools.cache
def band_centres_hz() -> NDArray[np.float64]:
    """Return the middle of each band in hertz, shape (N_BANDS,)."""
    edges = band_edges()
    return (edges[:-1] + edges[1:] - 1) / 2 * SAMPLE_RATE_HZ / N_FFT


def band_image(samples: NDArray[np.floating]) -> NDArray[np.uint8]:
    """Analyse an excerpt.

    Parameters
    ----------
    samples : ndarray of float, shape (480000,)
        Mono, 48 kHz, at the target loudness (-23 LUFS).

    Returns
    -------
    ndarray of uint8, shape (N_SEGMENTS, N_COLUMNS)
        The `STATISTICS` side by side, bands from low to high in each; dB = `FLOOR_DB` +
        `STEP_DB` x cell.

    Raises
    ------
    UnfitInputError
        If it is not 10 s of finite mono samples.
    """
    x = np.asarray(samples, dtype=np.float32)
    if x.shape != (EXCERPT_SAMPLES,):
        raise UnfitInputError(
            "not_an_excerpt",
            f"shape={x.shape}, expected ({EXCERPT_SAMPLES},)",
            "cut or loop it to 10 s of mono audio at 48 kHz first",
        )
    if not np.isfinite(x).all():
        n_bad = int(np.count_nonzero(~np.isfinite(x)))
        raise UnfitInputError(
            "not_finite", f"{n_bad} samples are NaN or infinite", "repair or decode it again"
        )
    edges = band_edges()
    starts, widths = edges[:-1] - edges[0], np.diff(edges).astype(np.float32)
    stop = _START + N_FFT + (_FRAMES - 1) * HOP_SAMPLES
    frames = np.lib.stride_tricks.sliding_window_view(x[_START:stop], N_FFT)[::HOP_SAMPLES]
    spectra = scipy.fft.rfft(frames * _window(), axis=1)[:, edges[0] : edges[-1]]
    power = spectra.real**2 + spectra.imag**2
    of_band = np.add.reduceat(power, starts, axis=1) / widths
    log_bins = np.add.reduceat(np.log10(power + _FLOOR_POWER), starts, axis=1) / widths
    log_power = np.log10(of_band + _FLOOR_POWER)

    def segments(values: NDArray[np.floating]) -> NDArray[np.floating]:
        return values.reshape(N_SEGMENTS, FRAMES_PER_SEGMENT, N_BANDS)

    statistics = [
        np.log10(segments(of_band).mean(axis=1) + _FLOOR_POWER),
        segments(log_power).mean(axis=1),
        segments(log_bins).mean(axis=1),
        segments(log_power).min(axis=1),
    ]
    steps = np.rint((10.0 * np.concatenate(statistics, axis=1) - FLOOR_DB) / STEP_DB)
    return np.clip(steps, 0, 255).astype(np.uint8)


def band_image_at(samples: NDArray[np.floating], lufs: float) -> NDArray[np.uint8]:
    """Return the `band_image` of an excerpt whose loudness is another than `TARGET_LUFS`."""
    return band_image(samples * np.float32(10.0 ** ((TARGET_LUFS - lufs) / 20.0)))


def levels_db(image: NDArray[np.uint8]) -> dict[str, NDArray[np.float32]]:
    """Turn images back into levels in dB, shape (..., N_SEGMENTS, N_BANDS), by `STATISTICS`."""
    levels = image.astype(np.float32) * np.float32(STEP_DB) + np.float32(FLOOR_DB)
    parts = np.split(levels, len(STATISTICS), axis=-1)
    return dict(zip(STATISTICS, parts, strict=True))


@functools.cache
def _window() -> NDArray[np.float32]:
    """Hann, periodic, of unit energy."""
    # scipy.signal.get_window has the same, and is half a second of imports.
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(N_FFT) / N_FFT)
    return (window / np.sqrt(np.sum(window**2))).astype(np.float32)
