"""Perceptual spectrograms: levels, bands, ViSQOL's own filterbank as an oracle, and torch's."""

import numpy as np
import pytest
import torch

from musqa_pipeline.audio.features import gammatone_bands_torch
from musqa_pipeline.audio.features.gammatone import design_gammatone
from musqa_pipeline.audio.features.gammatone_bands import (
    FLOOR_DB,
    FRAME_SAMPLES,
    FRAMES_PER_BLOCK,
    MIN_FRAMES,
    N_BANDS,
    N_FRAMES,
    TOP_DB,
    band_cells,
    pair_image,
)
from musqa_pipeline.audio.metrics.visqol.energies import energy_bank
from musqa_pipeline.core.errors import UnfitInputError
from tests.audio.music import music

N = 48_000


def noise(n_samples=N, seed=0):
    return np.random.default_rng(seed).normal(0.0, 0.1, n_samples).astype(np.float32)


def tone(center_hz):
    return np.sin(2 * np.pi * center_hz * np.arange(N) / 48_000).astype(np.float32)


def torch_cells(samples):
    return gammatone_bands_torch.band_cells(torch.from_numpy(np.array(samples))).numpy()


def level_db(cells):
    return FLOOR_DB + (TOP_DB - FLOOR_DB) * cells


def test_an_excerpt_gives_the_image_that_the_registry_declares():
    cells = band_cells(noise(480_000))
    assert cells.shape == (N_FRAMES, N_BANDS) == (125, 32)
    assert cells.dtype == np.float32
    assert 0.0 <= cells.min() < cells.max() <= 1.0


@pytest.mark.parametrize(
    "samples",
    [noise(480_000), music()[:480_000], tone(3_000), 1e-4 * noise(), np.r_[np.zeros(N), noise()]],
    ids=["noise", "music", "tone", "soft", "half silent"],
)
def test_torch_computes_the_same(samples):
    samples = np.asarray(samples, np.float32)
    np.testing.assert_allclose(torch_cells(samples), band_cells(samples), atol=1e-5)


def test_blocks_of_frames_change_nothing():
    samples = noise((2 * FRAMES_PER_BLOCK + 3) * FRAME_SAMPLES + 5)
    cells = band_cells(samples)
    assert len(cells) == 2 * FRAMES_PER_BLOCK + 3
    power = np.mean(np.square(samples, dtype=np.float64))
    alone = level_db(band_cells(samples[-5 - 2 * FRAME_SAMPLES : -5]))
    own = np.mean(np.square(samples[-5 - 2 * FRAME_SAMPLES : -5], dtype=np.float64))
    np.testing.assert_allclose(level_db(cells[-2:]), alone + 10 * np.log10(own / power), atol=1e-3)


def test_powers_are_those_of_visqols_filterbank():
    samples = noise()
    bank = energy_bank(48_000, "float64")
    starts = np.arange(len(samples) // FRAME_SAMPLES) * FRAME_SAMPLES
    rms = bank.rms(samples.astype(np.float64), starts)
    rms = rms if rms.shape[0] == len(starts) else rms.T
    expected = 20 * np.log10(rms / np.sqrt(np.mean(np.square(samples))))
    found = level_db(band_cells(samples))
    # They differ by the energy behind the frame's end alone, most in the narrow low bands.
    assert np.abs(found - expected)[:, 8:].max() < 0.2
    assert np.abs(found - expected).max() < 3.0


def test_a_tone_is_loudest_in_its_band_at_its_level():
    band = 20
    levels = level_db(band_cells(tone(design_gammatone(48_000).center_hz[band])))
    assert (levels.argmax(axis=1) == band).all()
    # The mean square of the window is 3/8.
    np.testing.assert_allclose(levels[:, band], 10 * np.log10(3 / 8), atol=0.05)


@pytest.mark.parametrize("gain", [0.001, 0.3, 20.0])
def test_gain_moves_no_cell(gain):
    np.testing.assert_allclose(
        band_cells(np.float32(gain) * noise()), band_cells(noise()), atol=1e-5
    )


def test_signals_together_give_what_they_give_alone_in_torch():
    both = torch.from_numpy(np.stack((noise(), noise(seed=1))))
    found = gammatone_bands_torch.band_cells(both).numpy()
    np.testing.assert_allclose(found[0], torch_cells(noise()), atol=1e-6)
    np.testing.assert_allclose(found[1], torch_cells(noise(seed=1)), atol=1e-6)


def test_an_image_of_a_pair_has_the_reference_first():
    image = pair_image(noise(), noise(seed=1))
    assert image.shape == (12, 2 * N_BANDS)
    assert image.dtype == np.float32
    np.testing.assert_array_equal(image[:, :N_BANDS], band_cells(noise()))
    np.testing.assert_array_equal(image[:, N_BANDS:], band_cells(noise(seed=1)))


def test_a_pair_that_shares_too_little_has_no_image():
    shortest = MIN_FRAMES * FRAME_SAMPLES
    assert len(pair_image(noise(shortest), noise(shortest))) == MIN_FRAMES
    with pytest.raises(UnfitInputError, match=r"too_short: 0\.96 s are common to both signals"):
        pair_image(noise(shortest - 1), noise(shortest - 1))


@pytest.mark.parametrize("cells_of", [band_cells, torch_cells])
@pytest.mark.parametrize(
    ("samples", "text"),
    [
        (np.zeros(N, np.float32), "silent: a signal of the pair is silent, NaN or infinite; comp"),
        (np.full(N, np.nan, np.float32), "silent: a signal of the pair is silent, NaN"),
        (noise(1000), "too_short: 0.02 s are common to both signals; compare signals of 3 to 10 s"),
    ],
)
def test_what_has_no_spectrogram_is_refused(cells_of, samples, text):
    with pytest.raises(UnfitInputError, match=text):
        cells_of(samples)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device here")
def test_a_gpu_gives_the_same_cells():
    found = gammatone_bands_torch.band_cells(torch.from_numpy(noise()).cuda()).cpu().numpy()
    np.testing.assert_allclose(found, band_cells(noise()), atol=1e-4)
