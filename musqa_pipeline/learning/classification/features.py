"""Features of images that no network learned: what latents of autoencoders have to beat."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.decomposition import PCA
from torch import Tensor
from torch.nn import functional

from musqa_pipeline.core.seeds import derive_generator
from musqa_pipeline.learning.autoencoders.recipe import REDUCTION

MOST_SQUARES = 50_000
"""Squares of images that principal components are found on."""


def band_features(images_n1ft: Tensor) -> NDArray[np.float64]:
    """Return mean and deviation over time of each band, float64 of shape (n, 2 * bands)."""
    bands_nft = images_n1ft[:, 0].double()
    both = [bands_nft.mean(dim=2), bands_nft.std(dim=2, correction=0)]
    return torch.cat(both, dim=1).numpy()


class SquareComponents:
    """Principal components of squares of 8 x 8 cells: a linear encoder with as many latents.

    Parameters
    ----------
    images_n1ft : Tensor, shape (n, 1, bands, frames)
        Images to learn from.
    n_components : int
        M of the encoder that they stand beside, 64 at most.
    *seed_key : str or int
        Seed of which squares are looked at, where there are very many.
    """

    def __init__(self, images_n1ft: Tensor, n_components: int, *seed_key: str | int) -> None:
        squares = _squares(images_n1ft).transpose(1, 2).flatten(0, 1).numpy()
        if len(squares) > MOST_SQUARES:
            chance = derive_generator("classification.squares", *seed_key)
            squares = squares[np.sort(chance.choice(len(squares), MOST_SQUARES, replace=False))]
        found = PCA(n_components, svd_solver="full").fit(squares.astype(np.float64))
        self._mean, self._weights = found.mean_, found.components_

    def encode(self, images_n1ft: Tensor) -> Tensor:
        """Return the components of every square.

        Parameters
        ----------
        images_n1ft : Tensor, shape (n, 1, bands, frames)

        Returns
        -------
        Tensor, shape (n, n_components, bands / 8, frames / 8)
            As an encoder's latents; sides are rounded down.
        """
        n_high, n_wide = (side // REDUCTION for side in images_n1ft.shape[2:])
        squares = _squares(images_n1ft).double()
        centred = squares - torch.from_numpy(self._mean)[:, None]
        latents = torch.from_numpy(self._weights) @ centred
        return latents.unflatten(2, (n_high, n_wide))


def _squares(images_n1ft: Tensor) -> Tensor:
    """Cut images into squares, (n, 64, squares)."""
    return functional.unfold(images_n1ft, REDUCTION, stride=REDUCTION)
