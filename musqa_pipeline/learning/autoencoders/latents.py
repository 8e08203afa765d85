"""What an encoder says of images: latents for probes, and how many bits they use."""

from __future__ import annotations

import torch
from torch import Tensor

from musqa_pipeline.learning.autoencoders.networks import Autoencoder
from musqa_pipeline.learning.autoencoders.recipe import REDUCTION


@torch.no_grad()
def latents_of(
    network: Autoencoder, images_n1ft: Tensor, *, rounded: bool = True, batch_size: int = 8
) -> Tensor:
    """Encode images a batch at a time, (n, M, bands / 8, frames / 8); see `Autoencoder.encode`."""
    parts = images_n1ft.split(batch_size)
    return torch.cat([network.encode(part, rounded=rounded) for part in parts])


def flat(latents_ncft: Tensor) -> Tensor:
    """Return all latents of each image, (n, M * bands * frames / 64): the paper's features."""
    return latents_ncft.flatten(1)


def pooled(latents_ncft: Tensor) -> Tensor:
    """Return mean, then deviation over time of each channel and band, (n, 2 * M * bands / 8)."""
    latents_ncft = latents_ncft.double()
    mean_ncf, spread_ncf = latents_ncft.mean(dim=3), latents_ncft.std(dim=3, correction=0)
    return torch.cat([mean_ncf.flatten(1), spread_ncf.flatten(1)], dim=1)


def used_bits_a_cell(latents_ncft: Tensor) -> float:
    """Return what latents hold by how often each channel has each value.

    Parameters
    ----------
    latents_ncft : Tensor, shape (n, M, bands, frames)
        Quantised.

    Returns
    -------
    float
        Entropy of the values of a channel over all images and places, summed over channels, for
        each cell of an image; from 0 to the recipe's `fixed_bits_a_cell`. What neighbours say of
        each other is not in it.
    """
    total = 0.0
    for values in latents_ncft.transpose(0, 1):
        _, counts = values.unique(return_counts=True)
        shares = counts.double() / counts.sum()
        total -= float((shares * shares.log2()).sum())
    return max(0.0, total) / REDUCTION**2
