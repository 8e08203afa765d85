"""Measures of reconstructions, and where a loss has settled."""

import numpy as np
import pytest
import torch

from musqa_pipeline.audio.metrics.perceptual.ms_ssim import MsSsim
from musqa_pipeline.audio.metrics.perceptual.nlpd import Nlpd
from musqa_pipeline.core.errors import SettingsError, UnfitInputError
from musqa_pipeline.learning.autoencoders.measures import measure, settled_step


def test_reconstructions_are_clipped_and_measured_one_by_one():
    chance = torch.Generator().manual_seed(4)
    images = torch.rand(3, 1, 32, 40, generator=chance)
    made = images + 0.2 * torch.randn(images.shape, generator=chance)
    found, clipped = measure(images, made), made.clamp(0, 1)
    mse = np.square(images.double().numpy() - clipped.double().numpy()).mean(axis=(1, 2, 3))
    np.testing.assert_allclose(found.log_mel_mse, mse)
    np.testing.assert_allclose(found.psnr_db, 10 * np.log10(1 / mse))
    torch.testing.assert_close(found.nlpd, Nlpd(images).distance(clipped))
    torch.testing.assert_close(found.ms_ssim, MsSsim(images).score(clipped))
    alone = measure(images[1:2], made[1:2])
    for one, together in zip(alone, found, strict=True):
        torch.testing.assert_close(one[0], together[1], rtol=0, atol=1e-5)


def test_what_is_perfect_and_what_is_no_image():
    images = torch.rand(1, 1, 32, 32)
    perfect = measure(images, images)
    assert (float(perfect.psnr_db), float(perfect.nlpd)) == (np.inf, 0)
    with pytest.raises(UnfitInputError, match="a cell is NaN"):
        measure(images, images * torch.nan)
    with pytest.raises(UnfitInputError, match="scale images to 0-1"):
        measure(images + 1, images)


def test_an_original_may_be_constant():
    blank = torch.zeros(1, 1, 32, 32)
    measured = measure(blank, torch.full((1, 1, 32, 32), 0.1))
    assert float(measured.psnr_db) == pytest.approx(20)
    assert float(measured.nlpd) > 0


def test_a_loss_settles_where_it_falls_by_less_than_1_percent_in_200_steps():
    falling = [1.0, 0.9, 0.8, 0.7, 0.695, 0.694, 0.2]
    assert settled_step(falling, 100) == 600
    assert settled_step(falling, 200) == 1000
    assert settled_step(falling[:5], 100) is None
    assert settled_step([1.0, 0.5, 0.9901, 0.1], 100) == 300
    assert settled_step([1.0, 0.5, 0.9899, 0.1], 100) is None
    assert settled_step([1.0, 2.0], 200) == 400
    assert settled_step([], 100) is None


def test_200_steps_are_a_number_of_checkpoints():
    with pytest.raises(SettingsError, match="checkpoint_steps=300: expected a divisor of 200"):
        settled_step([1.0], 300)
