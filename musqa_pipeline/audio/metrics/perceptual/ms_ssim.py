"""Multi-scale structural similarity, MS-SSIM [1]_: a number for images, differentiable and batched.

An image is compared with its reference at five scales, each half as large as the one before: local
contrast and structure at all of them, local means at the smallest. A mean below 0, which contrast
reversed gives, counts as 0, and then no gradient is left; a loss rectifies the local covariance
instead, which keeps one. Tensor names end in axis letters, see `images`.

References
----------
.. [1] Z. Wang, E. P. Simoncelli, A. C. Bovik, "Multiscale structural similarity for image quality
   assessment", Asilomar 2003, DOI 10.1109/ACSSC.2003.1292216.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from typing import Literal, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from musqa_pipeline.audio.metrics.perceptual.images import check_pair, check_references, filtered

WINDOW_CELLS, WINDOW_SIGMA = 11, 1.5
C1, C2 = 0.01**2, 0.03**2
"""(K L)^2 with K1 = 0.01, K2 = 0.03 and the range L = 1."""
POWERS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
"""Of the scales, from fine to coarse ([1]_, 3.2)."""
Floor = Literal["relu", "covariance"]


class Scale(NamedTuple):
    """A reference at one scale, with its local moments."""

    image_n1ft: Tensor
    mean_n1ft: Tensor
    variance_n1ft: Tensor


class MsSsim:
    """MS-SSIM bound to references, whose moments are computed once.

    Parameters
    ----------
    references_n1ft : Tensor, shape (n, 1, bands, frames)
        Images in [0, 1]; a single one serves any number of images.
    floor : {"relu", "covariance"}
        Where a similarity below 0 becomes 0: in the mean over an image, as is usual, or in the
        local covariance, so that there is a gradient.

    Raises
    ------
    UnfitInputError
        If these are no images, or one is constant, see `check_references`.
    """

    def __init__(self, references_n1ft: Tensor, *, floor: Floor = "relu") -> None:
        check_references(references_n1ft)
        self._references_n1ft, self._floor = references_n1ft, floor
        self._scales = scales_of(references_n1ft)

    def score(self, images_n1ft: Tensor) -> Tensor:
        """Compare images with their references.

        Parameters
        ----------
        images_n1ft : Tensor, shape (n, 1, bands, frames)
            Images in [0, 1].

        Returns
        -------
        Tensor, shape (n,)
            From 0 to 1, which identical images get.

        Raises
        ------
        UnfitInputError
            If these are no images, or no pairs with the references.
        """
        check_pair(self._references_n1ft, images_n1ft)
        return similarity(self._scales, images_n1ft, self._floor)


def ms_ssim(references_n1ft: Tensor, images_n1ft: Tensor, *, floor: Floor = "covariance") -> Tensor:
    """Compare images with references, shape (n,), for a loss: nothing is checked."""
    return similarity(scales_of(references_n1ft), images_n1ft, floor)


def scales_of(images_n1ft: Tensor) -> list[Scale]:
    """Return images at five scales, with their local moments."""
    scales = []
    for number in range(len(POWERS)):
        if number:
            images_n1ft = _halved(images_n1ft)
        mean = _blurred(images_n1ft)
        scales.append(Scale(images_n1ft, mean, _blurred(images_n1ft.square()) - mean.square()))
    return scales


def similarity(references: list[Scale], images_n1ft: Tensor, floor: Floor) -> Tensor:
    """Return MS-SSIM, shape (n,), of images with references at five scales."""
    product_n = torch.ones(len(images_n1ft), dtype=images_n1ft.dtype, device=images_n1ft.device)
    last = len(POWERS) - 1
    for number, (ours, theirs) in enumerate(zip(references, scales_of(images_n1ft), strict=True)):
        covariance = (
            _blurred(ours.image_n1ft * theirs.image_n1ft) - ours.mean_n1ft * theirs.mean_n1ft
        )
        if floor == "covariance":
            covariance = functional.relu(covariance)
        similar = (2 * covariance + C2) / (ours.variance_n1ft + theirs.variance_n1ft + C2)
        if number == last:
            both = 2 * ours.mean_n1ft * theirs.mean_n1ft + C1
            similar = similar * both / (ours.mean_n1ft**2 + theirs.mean_n1ft**2 + C1)
        product_n = product_n * functional.relu(similar.mean(dim=(1, 2, 3))) ** POWERS[number]
    return product_n


def _halved(images_n1ft: Tensor) -> Tensor:
    """Average 2 x 2 cells; an odd edge counts twice."""
    odd_f, odd_t = (side % 2 for side in images_n1ft.shape[2:])
    even_n1ft = functional.pad(images_n1ft, (0, odd_t, 0, odd_f), mode="replicate")
    return functional.avg_pool2d(even_n1ft, 2)


def _blurred(images_n1ft: Tensor) -> Tensor:
    """Average cells under the window, which stays inside the image and is no wider than it."""
    return filtered(images_n1ft, window_of(images_n1ft.shape[2:]))


def window_of(size: Sequence[int]) -> tuple[float, ...]:
    """Return the weights of the window along an axis of an image of so many bands and frames."""
    return _window(min(WINDOW_CELLS, *size))


@functools.cache
def _window(n_cells: int) -> tuple[float, ...]:
    bell = [math.exp(-0.5 * ((k - (n_cells - 1) / 2) / WINDOW_SIGMA) ** 2) for k in range(n_cells)]
    return tuple(weight / sum(bell) for weight in bell)
