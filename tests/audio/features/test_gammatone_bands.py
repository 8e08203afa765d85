"""Perceptual spectrograms: levels, bands, and ViSQOL's own filterbank as an oracle."""

import numpy as np
import pytest
import torch

from musqa_pipeline.audio.features.gammatone_bands import (
    FLOOR_DB,
    FRAME_SAMPLES,
    N_BANDS,
    N_FRAMES,
    TOP_DB,
    band_cells,
)
from musqa_pipeline.audio.metrics.visqol.energies import energy_bank
from musqa_pipeline.audio.metrics.visqol.gammatone import design_gammatone
from musqa_pipeline.core.errors import UnfitInputError

N = 48_000


def noise(n_samples=N, seed=0):
    return torch.from_numpy(
        np.random.default_rng(seed).normal(0.0, 0.1, n_samples).astype(np.float32)
    )


def level_db(cells):
    return FLOOR_DB + (TOP_DB - FLOOR_DB) * cells


def test_an_excerpt_gives_the_image_that_the_registry_declares():
    cells = band_cells(noise(480_000))
    assert cells.shape == (N_FRAMES, N_BANDS) == (125, 32)
    assert 0.0 <= cells.min() < cells.max() <= 1.0


def test_powers_are_those_of_visqols_filterbank():
    samples = noise()
    bank = energy_bank(48_000, "float64")
    starts = np.arange(len(samples) // FRAME_SAMPLES) * FRAME_SAMPLES
    rms = bank.rms(samples.numpy().astype(np.float64), starts)
    rms = rms if rms.shape[0] == len(starts) else rms.T
    expected = 20 * np.log10(rms / np.sqrt(np.mean(np.square(samples.numpy()))))
    found = level_db(band_cells(samples).numpy())
    # They differ by the energy behind the frame's end alone, most in the narrow low bands.
    assert np.abs(found - expected)[:, 8:].max() < 0.2
    assert np.abs(found - expected).max() < 3.0


def test_a_tone_is_loudest_in_its_band_at_its_level():
    band = 20
    center_hz = design_gammatone(48_000).center_hz[band]
    tone = torch.sin(2 * torch.pi * center_hz * torch.arange(N) / 48_000).float()
    levels = level_db(band_cells(tone).numpy())
    assert (levels.argmax(axis=1) == band).all()
    # The mean square of the window is 3/8.
    np.testing.assert_allclose(levels[:, band], 10 * np.log10(3 / 8), atol=0.05)


@pytest.mark.parametrize("gain", [0.001, 0.3, 20.0])
def test_gain_moves_no_cell(gain):
    torch.testing.assert_close(band_cells(gain * noise()), band_cells(noise()), atol=1e-5, rtol=0)


def test_signals_together_give_what_they_give_alone():
    first, second = noise(), noise(seed=1)
    both = band_cells(torch.stack((first, second)))
    torch.testing.assert_close(both[0], band_cells(first), atol=1e-6, rtol=0)
    torch.testing.assert_close(both[1], band_cells(second), atol=1e-6, rtol=0)


@pytest.mark.parametrize(
    ("samples", "text"),
    [
        (torch.zeros(N), "silent: a signal of the pair is silent, NaN or infinite; compare"),
        (torch.full((N,), torch.nan), "silent: a signal of the pair is silent, NaN"),
        (noise(1000), "too_short: 0.02 s are common to both signals; compare signals of 3 to 10 s"),
    ],
)
def test_what_has_no_spectrogram_is_refused(samples, text):
    with pytest.raises(UnfitInputError, match=text):
        band_cells(samples)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device here")
def test_a_gpu_gives_the_same_cells():
    found = band_cells(noise().cuda()).cpu()
    torch.testing.assert_close(found, band_cells(noise()), atol=1e-4, rtol=0)
