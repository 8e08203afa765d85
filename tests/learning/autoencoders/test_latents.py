"""Latents for probes, and the bits that they use."""

import math

import numpy as np
import pytest
import torch

from musqa_pipeline.learning.autoencoders.latents import (
    flat,
    latents_of,
    pooled,
    used_bits_a_cell,
)
from musqa_pipeline.learning.autoencoders.networks import quantised
from musqa_pipeline.learning.autoencoders.recipe import AutoencoderRecipe
from musqa_pipeline.learning.autoencoders.train import untrained
from tests.learning.autoencoders.tiny_autoencoder import TINY


def test_rates_are_the_issue_s():
    assert AutoencoderRecipe().fixed_bits_a_cell == pytest.approx(0.58, abs=0.005)
    assert AutoencoderRecipe(n_values=2).fixed_bits_a_cell == 0.25


@pytest.mark.parametrize("n_values", [2, 5])
def test_entropy_is_at_most_the_fixed_rate_and_equal_for_values_as_often(n_values):
    recipe = AutoencoderRecipe(n_latents=3, n_values=n_values)
    numbers = torch.randn(4, 3, 5, 6, generator=torch.Generator().manual_seed(0))
    for scale in (0.1, 1.0, 10.0):
        assert (
            0 <= used_bits_a_cell(quantised(scale * numbers, n_values)) <= recipe.fixed_bits_a_cell
        )
    evenly = torch.arange(n_values).float().view(1, 1, 1, -1).expand(4, 3, 7, -1)
    assert used_bits_a_cell(evenly) == pytest.approx(recipe.fixed_bits_a_cell)
    assert used_bits_a_cell(torch.zeros(2, 3, 4, 4)) == 0


def test_entropy_is_summed_over_channels_that_differ():
    latents = torch.zeros(1, 2, 1, 4)
    latents[0, 1] = torch.tensor([0.0, 1.0, 1.0, 1.0])
    expected = -(0.25 * math.log2(0.25) + 0.75 * math.log2(0.75)) / 64
    assert used_bits_a_cell(latents) == pytest.approx(expected)


def test_latents_are_pooled_over_time_by_channel_and_band():
    latents = torch.randn(2, 3, 4, 9, generator=torch.Generator().manual_seed(0))
    features = pooled(latents).numpy()
    assert features.shape == (2, 2 * 3 * 4)
    means, spreads = latents.numpy().mean(axis=3), latents.numpy().std(axis=3)
    np.testing.assert_allclose(features[:, :12].reshape(2, 3, 4), means, atol=1e-6)
    np.testing.assert_allclose(features[:, 12:].reshape(2, 3, 4), spreads, atol=1e-6)
    assert flat(latents).shape == (2, 108)


def test_latents_do_not_depend_on_the_batch():
    network, images = untrained(TINY, 0), torch.rand(5, 1, 32, 40)
    together = latents_of(network, images, batch_size=5)
    assert torch.equal(latents_of(network, images, batch_size=2), together)
    assert together.shape == (5, TINY.n_latents, 4, 5)
