"""Losses are the metrics, and MS-SSIM's usual floor makes a start that is none."""

import numpy as np
import pytest
import torch

from musqa_pipeline.audio.metrics.perceptual.ms_ssim import MsSsim, ms_ssim
from musqa_pipeline.audio.metrics.perceptual.nlpd import Nlpd
from musqa_pipeline.learning.autoencoders.inputs import white_noise
from musqa_pipeline.learning.autoencoders.losses import LOSSES
from musqa_pipeline.learning.autoencoders.train import untrained
from tests.learning.autoencoders.tiny_autoencoder import TINY


class Decoding(torch.nn.Module):
    """The second half of an autoencoder."""

    def __init__(self, network):
        super().__init__()
        self.decoder, self.forward = network.decoder, network.decode


def pair(n=2, side=32):
    chance = torch.Generator().manual_seed(4)
    images = torch.rand(n, 1, side, side, generator=chance, dtype=torch.float64)
    changed = images + 0.1 * torch.randn(images.shape, generator=chance, dtype=torch.float64)
    return images, changed.clamp(0, 1)


def test_each_is_its_metric_for_every_image():
    images, changed = pair()
    squares = np.square(images.numpy() - changed.numpy()).mean(axis=(1, 2, 3))
    np.testing.assert_allclose(LOSSES["mse"](images, changed), squares)
    similarity = MsSsim(images, floor="covariance").score(changed)
    torch.testing.assert_close(LOSSES["ms_ssim"](images, changed), 1 - similarity)
    torch.testing.assert_close(LOSSES["nlpd"](images, changed), Nlpd(images).distance(changed))


@pytest.mark.parametrize("name", LOSSES)
def test_slopes_by_a_decoder_s_weights_are_right(name):
    network, (images, _) = untrained(TINY, 0).double(), pair(n=1, side=16)
    latents, betas = network.encode(images), network.decoder[3].beta_root.detach()

    def loss(roots):
        changed = {"decoder.3.beta_root": roots}
        made = torch.func.functional_call(Decoding(network), changed, (latents,))
        return LOSSES[name](images, made)

    assert torch.autograd.gradcheck(loss, betas.clone().requires_grad_())


@pytest.mark.parametrize("name", LOSSES)
def test_what_is_perfect_has_a_finite_slope(name):
    images, _ = pair()
    made = images.clone().requires_grad_()
    loss = LOSSES[name](images, made)
    assert float(loss.detach().max()) < 1.1e-5
    (slope,) = torch.autograd.grad(loss.sum(), made)
    assert bool(torch.isfinite(slope).all())


def slopes_of(network, images, floor):
    """Return whether weights have a slope of MS-SSIM, and whether every slope is finite."""
    moving = list(network.requires_grad_(True).parameters())
    score = ms_ssim(images, network(images), floor=floor).sum()
    slopes = torch.autograd.grad(score, moving)
    assert all(bool(torch.isfinite(slope).all()) for slope in slopes)
    return any(bool(slope.any()) for slope in slopes)


def test_ms_ssim_starts_with_every_seed_and_never_would_from_below_0():
    images = torch.from_numpy(white_noise(2, 32, seed=0, step=0))[:, None]
    for seed in range(8):
        network = untrained(TINY, seed)
        assert slopes_of(network, images, "covariance"), seed
        network.decoder[4].bias.data.fill_(-0.2)
        assert not slopes_of(network, images, "covariance"), seed


class Reversed(torch.nn.Module):
    """What turns contrast round."""

    def __init__(self):
        super().__init__()
        self.gain = torch.nn.Parameter(torch.tensor(-0.5))

    def forward(self, images):
        return 0.5 + self.gain * (images - 0.5)


def test_from_reversed_contrast_a_training_starts_by_the_loss_s_floor_alone():
    images = torch.from_numpy(white_noise(2, 32, seed=0, step=0))[:, None]
    assert not slopes_of(Reversed(), images, "relu")
    assert slopes_of(Reversed(), images, "covariance")
