"""What image metrics take, batches of one-channel images in [0, 1], and how they are filtered.

Tensor names end in axis letters: N image, 1 channel, F band, T frame.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from musqa_pipeline.core.errors import UnfitInputError

SMALLEST_SIDE = 16
"""Cells that an image needs along each axis, so that five or six halvings leave something."""
SLACK = 1e-6
"""How far rounding may take a cell out of [0, 1]."""


def check_images(images_n1ft: Tensor) -> None:
    """Refuse what is no batch of images.

    Raises
    ------
    UnfitInputError
        Unless the shape is (n, 1, bands, frames) with at least 16 bands and frames, and all cells
        are finite and lie in [0, 1].
    """
    shape = tuple(images_n1ft.shape)
    if len(shape) != 4 or shape[0] < 1 or shape[1] != 1 or min(shape[2:]) < SMALLEST_SIDE:
        raise UnfitInputError(
            "no_image",
            f"images have the shape {shape}",
            f"give (n, 1, bands, frames) with at least {SMALLEST_SIDE} bands and frames",
        )
    if not bool(torch.isfinite(images_n1ft).all()):
        raise UnfitInputError("not_finite", "a cell is NaN or infinite", "give finite images")
    low, high = (float(end) for end in torch.aminmax(images_n1ft))
    if low < -SLACK or high > 1 + SLACK:
        raise UnfitInputError(
            "out_of_range",
            f"cells go from {low:g} to {high:g}",
            "scale images to 0-1, both of a pair alike",
        )


def check_references(images_n1ft: Tensor) -> None:
    """Refuse what `check_images` refuses, and images in which nothing can be compared.

    A damaged version may be constant, as the image of silence is.

    Raises
    ------
    UnfitInputError
        If these are no images, or one of them has the same value in all its cells.
    """
    check_images(images_n1ft)
    lows_n, highs_n = torch.aminmax(images_n1ft.flatten(1), dim=1)
    constant = (lows_n == highs_n).nonzero().flatten().tolist()
    if constant:
        raise UnfitInputError(
            "constant",
            f"every cell of image {constant[0] + 1} of {len(lows_n)} is "
            f"{float(lows_n[constant[0]]):g}",
            "take one that sounds",
        )


def check_pair(references_n1ft: Tensor, images_n1ft: Tensor) -> None:
    """Refuse images that `check_images` refuses, or that are no pairs with references.

    Raises
    ------
    UnfitInputError
        If there is another number of images than of references (one may serve all), or their
        size differs.
    """
    check_images(images_n1ft)
    ours, theirs = tuple(references_n1ft.shape), tuple(images_n1ft.shape)
    if ours[2:] != theirs[2:] or ours[0] not in (1, theirs[0]):
        raise UnfitInputError(
            "shapes_differ",
            f"references have the shape {ours} and images {theirs}",
            "give as many images as references, or one reference, and the same size",
        )


def filtered(images_n1ft: Tensor, taps: Sequence[float], *, step: int = 1) -> Tensor:
    """Filter images along both axes where the filter lies inside, at every `step`-th cell.

    Shifted sums take a third of the time of torch's convolution, which is made for many channels.
    """
    for axis in (3, 2):
        n_cells = images_n1ft.shape[axis] - len(taps) + 1
        shifted = [_shifted(images_n1ft, axis, k, n_cells, step) for k in range(len(taps))]
        total = shifted[0] * taps[0]
        for cells, tap in zip(shifted[1:], taps[1:], strict=True):
            total = torch.add(total, cells, alpha=tap)
        images_n1ft = total
    return images_n1ft


def _shifted(images_n1ft: Tensor, axis: int, first: int, n_cells: int, step: int) -> Tensor:
    kept = slice(first, first + n_cells, step)
    return images_n1ft[..., kept] if axis == 3 else images_n1ft[:, :, kept]
