"""Encoder, quantiser and decoder, with divisive normalisation between convolutions.

Paper 003 leaves its architecture to a companion paper and says that latents are integers, so that
every loss has the same room. This one is ours: three levels of 5 x 5 convolutions with stride 2 and
GDN [1]_ between them, and a mirrored decoder; no other activation. Tensor names end in axis
letters: N image, C channel, F band, T frame; 1 is the one channel of an image.

References
----------
.. [1] J. Ballé, V. Laparra, E. P. Simoncelli, "Density modeling of images using a generalized
   normalization transformation", ICLR 2016, arXiv:1511.06281.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from musqa_pipeline.learning.autoencoders.recipe import AutoencoderRecipe

KERNEL = 5
BETA_MIN = 1e-6
"""Least beta, so that no cell is divided by 0."""
FIRST_GAMMA, FIRST_NEIGHBOUR = 0.1, 1e-6
"""Of a channel itself, and of the others: above 0, where a square has a slope."""


FIRST_LEVEL = 0.1
"""Bias of the last layer. Where a start is below 0, as torch's own is for every second seed, the
luminance of MS-SSIM is 0, and so is every slope of it."""


class Gdn(nn.Module):
    """Generalised divisive normalisation: x_i / sqrt(beta_i + sum_j gamma_ij x_j^2) ([1]_, eq. 1).

    Beta and gamma are squares of what is learned, so that they are never negative and never stuck
    at a bound. The inverse multiplies where this divides; it undoes it but approximately.

    Parameters
    ----------
    n_channels : int
        Channels of what is normalised.
    inverse : bool
        Whether to multiply.
    """

    def __init__(self, n_channels: int, *, inverse: bool = False) -> None:
        super().__init__()
        self.inverse = inverse
        self.beta_root = nn.Parameter(torch.ones(n_channels))
        gamma = FIRST_GAMMA * torch.eye(n_channels) + FIRST_NEIGHBOUR
        self.gamma_root = nn.Parameter(gamma.sqrt())

    def forward(self, images_ncft: Tensor) -> Tensor:
        """Normalise each cell by what all channels hold there; the shape stays."""
        beta_c = self.beta_root.square() + BETA_MIN
        gamma_cc11 = self.gamma_root.square()[:, :, None, None]
        energy_ncft = functional.conv2d(images_ncft.square(), gamma_cc11, beta_c)
        return images_ncft * (energy_ncft.sqrt() if self.inverse else energy_ncft.rsqrt())


class _Rounding(torch.autograd.Function):
    """To the nearest of whole numbers plus an offset; the gradient passes as if it were not."""

    @staticmethod
    def forward(ctx: Any, values: Tensor, offset: float) -> Tensor:
        return (values - offset).round() + offset

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        return gradients[0], None


def quantised(values: Tensor, n_values: int) -> Tensor:
    """Bring numbers onto L values one apart, from -(L - 1)/2 to (L - 1)/2.

    They are (L - 1)/2 tanh(x), rounded: whole numbers if L is odd, halves between them if it is
    even. The gradient is that of the tangent alone.

    Parameters
    ----------
    values : Tensor
        Any numbers.
    n_values : int
        L, 2 or more.

    Returns
    -------
    Tensor
        Of the same shape.
    """
    top = (n_values - 1) / 2
    rounded: Tensor = _Rounding.apply(top * values.tanh(), top % 1)
    return rounded


class Autoencoder(nn.Module):
    """An encoder of images, whose latents have L values, and its decoder.

    Fresh weights of convolutions are torch's own but for the last bias, and small: latents of an
    untrained encoder are nearly all 0 once they are rounded. What a training on noise makes of
    music depends on that start, and on images that are not centred, more than on its loss
    (`docs/representations.md`).

    Parameters
    ----------
    recipe : AutoencoderRecipe
        Channels, latents and values.
    """

    def __init__(self, recipe: AutoencoderRecipe) -> None:
        super().__init__()
        self.recipe = recipe
        n, m = recipe.n_channels, recipe.n_latents
        self.encoder = nn.Sequential(_down(1, n), Gdn(n), _down(n, n), Gdn(n), _down(n, m))
        self.decoder = nn.Sequential(
            _up(m, n), Gdn(n, inverse=True), _up(n, n), Gdn(n, inverse=True), _up(n, 1)
        )
        last = self.decoder[-1]
        assert isinstance(last, nn.ConvTranspose2d)
        assert last.bias is not None
        nn.init.constant_(last.bias, FIRST_LEVEL)

    def encode(self, images_n1ft: Tensor, *, rounded: bool = True) -> Tensor:
        """Return the latents of images.

        Parameters
        ----------
        images_n1ft : Tensor, shape (n, 1, bands, frames)
            In [0, 1], of any size. Beyond their borders all is 0.
        rounded : bool
            Whether latents have L values, as the decoder takes them. Before they are rounded they
            say something of images even where nothing was learned.

        Returns
        -------
        Tensor, shape (n, M, bands / 8, frames / 8), rounded up
            From -(L - 1)/2 to (L - 1)/2, see `quantised`.
        """
        latents_ncft: Tensor = self.encoder(images_n1ft)
        if rounded:
            return quantised(latents_ncft, self.recipe.n_values)
        return (self.recipe.n_values - 1) / 2 * latents_ncft.tanh()

    def decode(self, latents_ncft: Tensor) -> Tensor:
        """Return images of latents, (n, 1, 8 bands, 8 frames); cells may leave [0, 1]."""
        images_n1ft: Tensor = self.decoder(latents_ncft)
        return images_n1ft

    def forward(self, images_n1ft: Tensor) -> Tensor:
        """Encode and decode images; they keep their size."""
        n_bands, n_frames = images_n1ft.shape[2:]
        return self.decode(self.encode(images_n1ft))[:, :, :n_bands, :n_frames]


def _down(n_in: int, n_out: int) -> nn.Module:
    return nn.Conv2d(n_in, n_out, KERNEL, stride=2, padding=KERNEL // 2)


def _up(n_in: int, n_out: int) -> nn.Module:
    return nn.ConvTranspose2d(n_in, n_out, KERNEL, stride=2, padding=KERNEL // 2, output_padding=1)
