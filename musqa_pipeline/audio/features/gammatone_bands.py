"""Perceptual spectrograms: what the intrusive network sees of a signal, cheap on purpose.

Frames of 80 ms, ViSQOL's length, each with a power in each of ViSQOL's 32 gammatone bands
(`gammatone.py`), in decibels. ViSQOL filters the frames; here the powers are a
weighted sum of a Fourier transform's, as if a frame went on for ever, and frames do not overlap.
Both signals of a pair go through the same transforms.

Levels are relative to the signal's own RMS, so that no gain moves a cell, as in ViSQOL, which
brings the degraded signal to the reference's RMS. The floor of -72 dB is near ViSQOL's own for
music at -23 LUFS, an RMS of -90 dB re full scale in a band.
"""

from __future__ import annotations

import functools
import math

import numpy as np
from numpy.typing import NDArray

from musqa_pipeline.audio.constants import EXCERPT_SAMPLES, SAMPLE_RATE_HZ
from musqa_pipeline.audio.features.gammatone import design_gammatone
from musqa_pipeline.core.errors import UnfitInputError

FRAME_SAMPLES = 3840
"""80 ms; the transform of this length is fast (2^8 x 15)."""
N_BANDS = 32
FLOOR_DB, TOP_DB = -72.0, 18.0
"""Level of a cell of 0 and of 1, re the RMS of the signal."""
LEAST_POWER = 1e-12
"""Keeps the logarithm finite; far below the floor."""
N_FRAMES = EXCERPT_SAMPLES // FRAME_SAMPLES
"""Frames of an excerpt of 10 s."""
MIN_FRAMES = 12
"""Least frames that both signals of a pair share, 0.96 s: the least that ViSQOL takes."""
FRAMES_PER_BLOCK = 16
"""Frames transformed at a time; their spectra take 0.5 MB and stay in the cache."""


def pair_image(
    reference: NDArray[np.float32], degraded: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Compute the image that the intrusive network eats.

    Parameters
    ----------
    reference, degraded : ndarray of float32, shape (samples,)
        48 kHz, aligned and of one length; levels do not matter.

    Returns
    -------
    ndarray of float32, shape (frames, 2 * N_BANDS)
        Cells of `band_cells` in each frame, the reference's first.

    Raises
    ------
    UnfitInputError
        If a signal is silent or not finite, or shorter than `MIN_FRAMES`.
    """
    if len(reference) < MIN_FRAMES * FRAME_SAMPLES:
        raise too_short(len(reference))
    return np.concatenate((band_cells(reference), band_cells(degraded)), axis=1)


def band_cells(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """Compute the perceptual spectrogram of a signal.

    `gammatone_bands_torch.py` computes the same with torch, to 1e-5 of a cell.

    Parameters
    ----------
    samples : ndarray of float32, shape (samples,)
        48 kHz, at least `FRAME_SAMPLES` long.

    Returns
    -------
    ndarray of float32, shape (frames, N_BANDS)
        Cells in 0-1, linear in decibels from `FLOOR_DB` to `TOP_DB`; bands from low to high.

    Raises
    ------
    UnfitInputError
        If the signal is silent, not finite or shorter than a frame.
    """
    n_frames = len(samples) // FRAME_SAMPLES
    if not n_frames:
        raise too_short(len(samples))
    mean_power = np.vdot(samples, samples) / len(samples)
    if not (mean_power > 0 and math.isfinite(mean_power)):
        raise no_level()
    window, weights = _tables()
    frames = samples[: n_frames * FRAME_SAMPLES].reshape(n_frames, FRAME_SAMPLES)
    powers = np.empty((n_frames, N_BANDS), np.float32)
    for start in range(0, n_frames, FRAMES_PER_BLOCK):
        block = slice(start, start + FRAMES_PER_BLOCK)
        spectra = np.fft.rfft(frames[block] * window)  # in float64, which numpy does faster
        squares = np.square(spectra.real) + np.square(spectra.imag)
        powers[block] = squares.astype(np.float32) @ weights
    level_db = 10.0 * np.log10(powers / mean_power + np.float32(LEAST_POWER))
    return np.clip((level_db - FLOOR_DB) / (TOP_DB - FLOOR_DB), 0.0, 1.0)


def too_short(n_samples: int) -> UnfitInputError:
    """Build the error of signals that share too little."""
    return UnfitInputError(
        "too_short",
        f"{n_samples / SAMPLE_RATE_HZ:.2f} s are common to both signals",
        "compare signals of 3 to 10 s that show the same music",
    )


def no_level() -> UnfitInputError:
    """Build the error of signals to whose level nothing can be related."""
    return UnfitInputError(
        "silent",
        "a signal of the pair is silent, NaN or infinite",
        "compare signals that have sound",
    )


def band_weights() -> NDArray[np.float64]:
    """Return what a bin of a frame's spectrum adds to the power of each band: (bins, N_BANDS).

    The squared gains of the gammatone bands, scaled so that the sum over the bins of a frame's
    squared magnitudes times a column is the mean power of the frame, so filtered.
    """
    bank = design_gammatone(SAMPLE_RATE_HZ, n_bands=N_BANDS)
    delay = np.exp(-2j * np.pi * np.arange(FRAME_SAMPLES // 2 + 1) / FRAME_SAMPLES)[:, None]
    response = np.ones((len(delay), N_BANDS), np.complex128)
    poles = 1.0 + bank.denominators[:, 0] * delay + bank.denominators[:, 1] * delay**2
    for numerator in bank.numerators:
        response *= (numerator[:, 0] + numerator[:, 1] * delay) / poles
    # Each bin but the first and the last stands for two of the full transform.
    twice = np.full((len(delay), 1), 2.0)
    twice[0] = twice[-1] = 1.0
    return np.asarray(twice * np.abs(response) ** 2 / FRAME_SAMPLES**2)


@functools.cache
def _tables() -> tuple[NDArray[np.float64], NDArray[np.float32]]:
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(FRAME_SAMPLES) / FRAME_SAMPLES)
    return window, band_weights().astype(np.float32)
