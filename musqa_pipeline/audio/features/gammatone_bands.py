"""Perceptual spectrograms: what the intrusive network sees of a signal, cheap on purpose.

Frames of 80 ms, ViSQOL's length, each with a power in each of ViSQOL's 32 gammatone bands
(`audio/metrics/visqol/gammatone.py`), in decibels. ViSQOL filters the frames; here the powers are a
weighted sum of a Fourier transform's, as if a frame went on for ever, and frames do not overlap.
Both signals of a pair go through the same transforms, on a CPU or a GPU.

Levels are relative to the signal's own RMS, so that no gain moves a cell, as in ViSQOL, which
brings the degraded signal to the reference's RMS. The floor of -72 dB is near ViSQOL's own for
music at -23 LUFS, an RMS of -90 dB re full scale in a band.
"""

from __future__ import annotations

import functools

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from musqa_pipeline.audio.constants import EXCERPT_SAMPLES, SAMPLE_RATE_HZ
from musqa_pipeline.audio.metrics.visqol.gammatone import design_gammatone
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
FRAMES_PER_BLOCK = 64
"""Frames transformed at a time on a CPU; their spectra take 1 MB."""


def band_cells(samples: Tensor) -> Tensor:
    """Compute the perceptual spectrogram of signals of one length.

    Parameters
    ----------
    samples : Tensor of float32, shape (..., samples)
        48 kHz, at least `FRAME_SAMPLES` long.

    Returns
    -------
    Tensor of float32, shape (..., frames, N_BANDS)
        Cells in 0-1, linear in decibels from `FLOOR_DB` to `TOP_DB`; bands from low to high.

    Raises
    ------
    UnfitInputError
        If a signal is silent, not finite or shorter than a frame.
    """
    if samples.shape[-1] < FRAME_SAMPLES:
        raise UnfitInputError(
            "too_short",
            f"{samples.shape[-1] / SAMPLE_RATE_HZ:.2f} s are common to both signals",
            "compare signals of 3 to 10 s that show the same music",
        )
    mean_power = samples.square().mean(-1, keepdim=True)
    if not bool((mean_power > 0).logical_and(mean_power.isfinite()).all()):
        raise UnfitInputError(
            "silent",
            "a signal of the pair is silent, NaN or infinite",
            "compare signals that have sound",
        )
    window, weights = _tables(str(samples.device))
    n_frames = samples.shape[-1] // FRAME_SAMPLES
    frames = samples[..., : n_frames * FRAME_SAMPLES].reshape(-1, FRAME_SAMPLES)
    at_once = len(frames) if frames.is_cuda else FRAMES_PER_BLOCK
    blocks = [_band_powers(block, window, weights) for block in frames.split(at_once)]
    powers = torch.cat(blocks).view(*samples.shape[:-1], n_frames, N_BANDS)
    level_db = 10.0 * torch.log10(powers / mean_power.unsqueeze(-1) + LEAST_POWER)
    return ((level_db - FLOOR_DB) / (TOP_DB - FLOOR_DB)).clamp_(0.0, 1.0)


def _band_weights() -> NDArray[np.float64]:
    """Return what a bin of a frame's spectrum adds to the power of each band.

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


def _band_powers(frames: Tensor, window: Tensor, weights: Tensor) -> Tensor:
    spectra = torch.view_as_real(torch.fft.rfft(frames * window)).flatten(-2)
    # Real and imaginary parts side by side, each with its weight: one product, no sum before it.
    return spectra.square_() @ weights


@functools.cache
def _tables(device: str) -> tuple[Tensor, Tensor]:
    window = torch.hann_window(FRAME_SAMPLES, device=device)
    weights = torch.from_numpy(np.repeat(_band_weights(), 2, axis=0).astype(np.float32))
    return window, weights.to(device)
