"""Perceptual spectrograms with torch: those that the stage `pairs` stores, to the bit.

`gammatone_bands.py` says what they are, and computes the same to 1e-5 of a cell without torch.
"""

from __future__ import annotations

import functools

import numpy as np
import torch
from torch import Tensor

from musqa_pipeline.audio.features.gammatone_bands import (
    FLOOR_DB,
    FRAME_SAMPLES,
    LEAST_POWER,
    N_BANDS,
    TOP_DB,
    band_weights,
    no_level,
    too_short,
)

FRAMES_PER_BLOCK = 64
"""Frames transformed at a time on a CPU; their spectra take 1 MB."""


def band_cells(samples: Tensor) -> Tensor:
    """Compute the perceptual spectrogram of signals of one length, on the device they are on.

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
        raise too_short(samples.shape[-1])
    mean_power = samples.square().mean(-1, keepdim=True)
    if not bool((mean_power > 0).logical_and(mean_power.isfinite()).all()):
        raise no_level()
    window, weights = _tables(str(samples.device))
    n_frames = samples.shape[-1] // FRAME_SAMPLES
    frames = samples[..., : n_frames * FRAME_SAMPLES].reshape(-1, FRAME_SAMPLES)
    at_once = len(frames) if frames.is_cuda else FRAMES_PER_BLOCK
    blocks = [_band_powers(block, window, weights) for block in frames.split(at_once)]
    powers = torch.cat(blocks).view(*samples.shape[:-1], n_frames, N_BANDS)
    level_db = 10.0 * torch.log10(powers / mean_power.unsqueeze(-1) + LEAST_POWER)
    return ((level_db - FLOOR_DB) / (TOP_DB - FLOOR_DB)).clamp_(0.0, 1.0)


def _band_powers(frames: Tensor, window: Tensor, weights: Tensor) -> Tensor:
    spectra = torch.view_as_real(torch.fft.rfft(frames * window)).flatten(-2)
    # Real and imaginary parts side by side, each with its weight: one product, no sum before it.
    return spectra.square_() @ weights


@functools.cache
def _tables(device: str) -> tuple[Tensor, Tensor]:
    window = torch.hann_window(FRAME_SAMPLES, device=device)
    weights = torch.from_numpy(np.repeat(band_weights(), 2, axis=0).astype(np.float32))
    return window, weights.to(device)
