"""Generator and discriminator: the blocks of BigGAN [1]_, with noise and genre as in SAGAN [2]_.

Noise enters at the bottom alone; a genre enters the generator as gain and bias of every batch norm
and the discriminator as a projection [3]_. All convolutions, linear layers and the discriminator's
embedding have spectral norm 1, by one power iteration a forward pass in training; all begin
orthogonal. Nothing of BigGAN's further losses is here.

``python -m musqa_pipeline.learning.gan.networks --count`` prints the parameters of both at the
paper's size. Tensor names end in axis letters: N image, Z noise, C channel, H band, W frame.

References
----------
.. [1] A. Brock, J. Donahue, K. Simonyan, "Large Scale GAN Training for High Fidelity Natural Image
   Synthesis", ICLR 2019, arXiv:1809.11096, appendix B.
.. [2] H. Zhang et al., "Self-Attention Generative Adversarial Networks", ICML 2019,
   arXiv:1805.08318.
.. [3] T. Miyato, M. Koyama, "cGANs with Projection Discriminator", ICLR 2018, arXiv:1802.05637.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.parametrizations import spectral_norm

from musqa_pipeline.core.errors import SettingsError

N_NOISE = 120
BOTTOM = 4
"""Side of the smallest maps."""
SPECTRAL_EPSILON = 1e-8
LARGEST_ATTENTION = 64
"""Side of the maps that attention looks at, or half of the image's where that is less."""
PAPER_GENRES = 13


@dataclass(frozen=True)
class Widths:
    """Channels that come out of the blocks, in multiples of a network's width."""

    generator: tuple[int, ...]
    discriminator: tuple[int, ...]


WIDTHS = {
    64: Widths((16, 8, 4, 2), (1, 2, 4, 8, 16)),
    128: Widths((16, 8, 4, 2, 1), (1, 2, 4, 8, 16, 16)),
    256: Widths((16, 8, 8, 4, 2, 1), (1, 2, 4, 8, 8, 16, 16)),
}
"""By the side of an image; every block of the generator doubles it, every one of the discriminator
but the last halves it."""


def widths_of(size: int) -> Widths:
    """Return the channels of networks for images of a side."""
    if size not in WIDTHS:
        known = ", ".join(map(str, WIDTHS))
        raise SettingsError(f"[gan] size={size}: expected one of {known}; edit the preset")
    return WIDTHS[size]


class Generator(nn.Module):
    """Noise and genre in, image out.

    Parameters
    ----------
    size : int
        Side of an image: 64, 128 or 256.
    width : int
        What `WIDTHS` are multiples of; 64 in the paper.
    n_genres : int
        Genres that it tells apart, 1 or more.
    """

    def __init__(self, size: int, width: int, n_genres: int) -> None:
        super().__init__()
        outs = [width * share for share in widths_of(size).generator]
        self.bottom_channels = 16 * width
        self.bottom = _normed(nn.Linear(N_NOISE, self.bottom_channels * BOTTOM**2))
        blocks: list[nn.Module] = []
        n_in, side = self.bottom_channels, BOTTOM
        for n_out in outs:
            blocks.append(GrowingBlock(n_in, n_out, n_genres))
            n_in, side = n_out, 2 * side
            if side == attention_side(size):
                blocks.append(SelfAttention(n_out))
        self.blocks = nn.ModuleList(blocks)
        self.norm = nn.BatchNorm2d(n_in)
        self.last = _normed(nn.Conv2d(n_in, 1, 3, padding=1))

    def forward(self, noise_nz: Tensor, genre_n: Tensor) -> Tensor:
        """Draw images, shape (n, 1, size, size), from -1 to 1."""
        maps_nchw = self.bottom(noise_nz).view(-1, self.bottom_channels, BOTTOM, BOTTOM)
        for block in self.blocks:
            if isinstance(block, GrowingBlock):
                maps_nchw = block(maps_nchw, genre_n)
            else:
                maps_nchw = block(maps_nchw)
        images_n1hw: Tensor = torch.tanh(self.last(functional.relu(self.norm(maps_nchw))))
        return images_n1hw


class Discriminator(nn.Module):
    """Image and genre in, score out: higher is more like the music that it learned from.

    Parameters are those of `Generator`.
    """

    def __init__(self, size: int, width: int, n_genres: int) -> None:
        super().__init__()
        outs = [width * share for share in widths_of(size).discriminator]
        blocks: list[nn.Module] = []
        n_in, side = 1, size
        for number, n_out in enumerate(outs):
            halves = number < len(outs) - 1
            blocks.append(ShrinkingBlock(n_in, n_out, halves=halves, first=number == 0))
            n_in, side = n_out, side // 2 if halves else side
            if halves and side == attention_side(size):
                blocks.append(SelfAttention(n_out))
        self.blocks = nn.Sequential(*blocks)
        self.n_genres = n_genres
        self.linear = _normed(nn.Linear(n_in, 1))
        self.embedding = _normed(nn.Embedding(n_genres, n_in))

    def forward(self, images_n1hw: Tensor, genre_n: Tensor) -> Tensor:
        """Score images of genres, shape (n,)."""
        features_nc = self.features(images_n1hw)
        projected_n = (self.embedding(genre_n) * features_nc).sum(dim=1)
        scores_n: Tensor = self.linear(features_nc).squeeze(1) + projected_n
        return scores_n

    def features(self, images_n1hw: Tensor) -> Tensor:
        """Return what scores are linear in, shape (n, 16 width): maps summed over the image."""
        maps_nchw = self.blocks(images_n1hw)
        return functional.relu(maps_nchw).sum(dim=(2, 3))

    def scores_of_genres(self, images_n1hw: Tensor) -> Tensor:
        """Score images as each genre, shape (n, n_genres); their mean is that of a mean genre."""
        features_nc = self.features(images_n1hw)
        of_genre_gc = self.embedding(torch.arange(self.n_genres, device=features_nc.device))
        scores_ng: Tensor = self.linear(features_nc) + features_nc @ of_genre_gc.T
        return scores_ng


class GrowingBlock(nn.Module):
    """A residual block that doubles height and width; every batch norm knows the genre."""

    def __init__(self, n_in: int, n_out: int, n_genres: int) -> None:
        super().__init__()
        self.norm1, self.norm2 = GenreNorm(n_in, n_genres), GenreNorm(n_out, n_genres)
        self.conv1 = _normed(nn.Conv2d(n_in, n_out, 3, padding=1))
        self.conv2 = _normed(nn.Conv2d(n_out, n_out, 3, padding=1))
        self.shortcut = _normed(nn.Conv2d(n_in, n_out, 1))

    def forward(self, maps_nchw: Tensor, genre_n: Tensor) -> Tensor:
        """Return maps of twice the side."""
        inner_nchw = functional.relu(self.norm1(maps_nchw, genre_n))
        inner_nchw = self.conv1(functional.interpolate(inner_nchw, scale_factor=2.0))
        inner_nchw = self.conv2(functional.relu(self.norm2(inner_nchw, genre_n)))
        grown_nchw: Tensor = inner_nchw + self.shortcut(
            functional.interpolate(maps_nchw, scale_factor=2.0)
        )
        return grown_nchw


class ShrinkingBlock(nn.Module):
    """A residual block that halves height and width by averaging, if it is not the last."""

    def __init__(self, n_in: int, n_out: int, *, halves: bool, first: bool) -> None:
        super().__init__()
        self.halves, self.first = halves, first
        self.conv1 = _normed(nn.Conv2d(n_in, n_out, 3, padding=1))
        self.conv2 = _normed(nn.Conv2d(n_out, n_out, 3, padding=1))
        changes = halves or n_in != n_out
        self.shortcut = _normed(nn.Conv2d(n_in, n_out, 1)) if changes else nn.Identity()

    def forward(self, maps_nchw: Tensor) -> Tensor:
        """Return maps of half the side, or of the same."""
        inner_nchw = maps_nchw if self.first else functional.relu(maps_nchw)
        inner_nchw = self.conv2(functional.relu(self.conv1(inner_nchw)))
        # Averages and the 1x1 of the shortcut may change places; fewer cells are less to compute.
        beside_nchw = self.shortcut(self._pooled(maps_nchw))
        return self._pooled(inner_nchw) + beside_nchw

    def _pooled(self, maps_nchw: Tensor) -> Tensor:
        return functional.avg_pool2d(maps_nchw, 2) if self.halves else maps_nchw


class SelfAttention(nn.Module):
    """Every cell looks at all others, at a quarter of them; how much is learned from nothing."""

    def __init__(self, n_channels: int) -> None:
        super().__init__()

        def to(n_in: int, n_out: int) -> nn.Module:
            return _normed(nn.Conv2d(n_in, n_out, 1, bias=False))

        n_keys, n_values = max(1, n_channels // 8), max(1, n_channels // 2)
        self.queries, self.keys = to(n_channels, n_keys), to(n_channels, n_keys)
        self.values, self.out = to(n_channels, n_values), to(n_values, n_channels)
        self.gamma = nn.Parameter(torch.zeros(()))

    def forward(self, maps_nchw: Tensor) -> Tensor:
        """Return maps of the same shape."""
        queries_nkp = self.queries(maps_nchw).flatten(2)
        keys_nkq = functional.max_pool2d(self.keys(maps_nchw), 2).flatten(2)
        values_nvq = functional.max_pool2d(self.values(maps_nchw), 2).flatten(2)
        weight_npq = torch.softmax(queries_nkp.transpose(1, 2) @ keys_nkq, dim=2)
        seen_nvp = values_nvq @ weight_npq.transpose(1, 2)
        seen_nchw = self.out(seen_nvp.unflatten(2, maps_nchw.shape[2:]))
        return maps_nchw + self.gamma * seen_nchw


class GenreNorm(nn.Module):
    """Batch norm with a gain and a bias for each genre."""

    def __init__(self, n_channels: int, n_genres: int) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(n_channels, affine=False)
        self.gain, self.bias = (nn.Embedding(n_genres, n_channels) for _ in range(2))
        nn.init.ones_(self.gain.weight)
        nn.init.zeros_(self.bias.weight)

    def forward(self, maps_nchw: Tensor, genre_n: Tensor) -> Tensor:
        """Normalise maps, and scale and shift them as their genre has it."""
        gain_nc11, bias_nc11 = (
            table(genre_n)[:, :, None, None] for table in (self.gain, self.bias)
        )
        scaled_nchw: Tensor = self.norm(maps_nchw) * gain_nc11 + bias_nc11
        return scaled_nchw


def attention_side(size: int) -> int:
    """Return the side of the maps at which a network for images of a side has its attention."""
    return min(LARGEST_ATTENTION, size // 2)


def n_parameters(network: nn.Module) -> int:
    """Count the parameters that are learned."""
    return sum(parameter.numel() for parameter in network.parameters())


def _normed(layer: nn.Module) -> nn.Module:
    """Start a layer orthogonal, and hold its spectral norm at 1."""
    weight, bias = layer.weight, getattr(layer, "bias", None)
    assert isinstance(weight, Tensor)
    nn.init.orthogonal_(weight)
    if isinstance(bias, Tensor):
        nn.init.zeros_(bias)
    if weight.is_meta:  # parameters are counted there, and power iterations would take seconds
        return layer
    # Of a linear layer and an embedding too, the first axis is the one that is left.
    return spectral_norm(layer, eps=SPECTRAL_EPSILON, dim=0)


def main() -> None:
    """Print the parameters of generator and discriminator."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", action="store_true", help="print both numbers of parameters")
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--width", type=int, default=64)
    parser.add_argument("--genres", type=int, default=PAPER_GENRES)
    arguments = parser.parse_args()
    if not arguments.count:
        parser.error("give --count")
    shape = (arguments.size, arguments.width, arguments.genres)
    print(*(n_parameters(network(*shape)) for network in (Generator, Discriminator)))


if __name__ == "__main__":
    main()
