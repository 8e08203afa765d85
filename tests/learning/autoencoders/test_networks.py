"""Divisive normalisation and quantiser by their formulas, and the network's shapes."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from musqa_pipeline.core.errors import SettingsError
from musqa_pipeline.learning.autoencoders.networks import BETA_MIN, Autoencoder, Gdn, quantised
from musqa_pipeline.learning.autoencoders.recipe import AutoencoderRecipe
from tests.learning.autoencoders.tiny_autoencoder import TINY


def uneven(n_channels, *, inverse=False):
    """Make a normalisation with weights unlike the first ones, in float64."""
    torch.manual_seed(1)
    network = Gdn(n_channels, inverse=inverse).double()
    for root in network.parameters():
        root.data = torch.randn_like(root)
    return network


def drawn(*shape):
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(2))


@pytest.mark.parametrize("inverse", [False, True])
def test_normalisation_is_its_formula(inverse):
    network, images = uneven(3, inverse=inverse), drawn(2, 3, 4, 5)
    beta = network.beta_root.detach().numpy() ** 2 + BETA_MIN
    gamma, x = network.gamma_root.detach().numpy() ** 2, images.numpy()
    expected = np.empty_like(x)
    for i in range(3):
        root = np.sqrt(beta[i] + sum(gamma[i, j] * x[:, j] ** 2 for j in range(3)))
        expected[:, i] = x[:, i] * root if inverse else x[:, i] / root
    np.testing.assert_allclose(network(images).detach().numpy(), expected, rtol=1e-12)


@pytest.mark.parametrize("inverse", [False, True])
def test_slopes_of_normalisation_are_right_by_cells_and_by_weights(inverse):
    network, images = uneven(2, inverse=inverse), drawn(2, 2, 3, 3).requires_grad_()
    names, roots = zip(*network.named_parameters(), strict=True)

    def call(cells, *weights):
        return torch.func.functional_call(network, dict(zip(names, weights, strict=True)), (cells,))

    assert torch.autograd.gradcheck(call, (images, *roots))


def test_a_fresh_normalisation_is_ballé_s_and_all_its_weights_move():
    network = Gdn(4)
    gamma = network.gamma_root.detach().square()
    torch.testing.assert_close(gamma, 0.1 * torch.eye(4), rtol=0, atol=2e-6)
    network(torch.randn(2, 4, 5, 5)).square().sum().backward()
    for root in network.parameters():
        assert bool((root.grad != 0).all())


@pytest.mark.parametrize("n_values", [2, 3, 4, 5, 8])
def test_latents_have_so_many_values_one_apart(n_values):
    numbers = torch.linspace(-6, 6, 4001)
    values = quantised(numbers, n_values)
    expected = torch.arange(n_values) - (n_values - 1) / 2
    assert torch.equal(values.unique(), expected)
    nearest = (n_values - 1) / 2 * numbers.tanh()
    assert float((values - nearest).abs().max()) <= 0.5


@pytest.mark.parametrize("n_values", [2, 5])
def test_gradients_of_latents_are_the_tangent_s(n_values):
    numbers = drawn(50).requires_grad_()
    (slope,) = torch.autograd.grad(quantised(numbers, n_values).sum(), numbers)
    tangent = (n_values - 1) / 2 * (1 - numbers.detach().tanh() ** 2)
    torch.testing.assert_close(slope, tangent)


@pytest.mark.parametrize(("bands", "frames"), [(32, 32), (40, 73)])
def test_images_keep_their_size_and_have_an_eighth_as_many_latents_a_side(bands, frames):
    network = Autoencoder(TINY)
    images = torch.rand(2, 1, bands, frames)
    latents = network.encode(images)
    assert latents.shape == (2, TINY.n_latents, -(-bands // 8), -(-frames // 8))
    assert set(latents.unique().tolist()) <= {-2.0, -1.0, 0.0, 1.0, 2.0}
    assert network(images).shape == images.shape


def test_the_paper_s_size_has_as_many_parameters_as_it_must():
    n, m = 128, 16
    n_gdn = 4 * (n + n * n)
    n_convolutions = 2 * 25 * (n + n * n + n * m) + 4 * n + m + 1
    network = Autoencoder(AutoencoderRecipe())
    assert sum(p.numel() for p in network.parameters()) == n_gdn + n_convolutions


def test_latents_may_be_had_before_they_are_rounded():
    torch.manual_seed(0)
    network, images = Autoencoder(TINY), torch.rand(4, 1, 32, 32)
    network.encoder[4].weight.data *= 20
    latents, whole = network.encode(images, rounded=False), network.encode(images)
    assert torch.equal(latents.round(), whole)
    assert len(latents.unique()) > 5 == len(whole.unique()) > 1


def test_steps_end_with_a_checkpoint():
    with pytest.raises(SettingsError, match="steps=10: expected a multiple of checkpoint_steps=4"):
        replace(TINY, steps=10, checkpoint_steps=4)
