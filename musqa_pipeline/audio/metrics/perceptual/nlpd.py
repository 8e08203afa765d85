"""The normalised Laplacian pyramid distance, NLPD [1]_ [2]_: how far apart two images look.

An image is taken apart into six levels, each an octave coarser; each cell is divided by what its
neighbours hold, as the early visual system does; the distance is the mean over the levels of the
root of the mean squared differences. Weights were fitted to photographs, where an axis is space and
not frequency. Two versions go by that name: Laparra's, whose sixth level is what is left of the
image, and Hepburn's for torch, which has six levels of differences and nothing of what is left.
Tensor names end in axis letters, see `images`.

References
----------
.. [1] V. Laparra, J. Ballé, A. Berardino, E. P. Simoncelli, "Perceptual image quality assessment
   using a normalized Laplacian pyramid", Human Vision and Electronic Imaging 2016,
   DOI 10.2352/ISSN.2470-1173.2016.16.HVEI-103.
.. [2] A. Hepburn, V. Laparra, J. Malo, R. McConville, R. Santos-Rodriguez, "PerceptNet: a human
   visual system inspired neural network for estimating perceptual distance", ICIP 2020,
   arXiv:1910.12548.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional

from musqa_pipeline.audio.metrics.perceptual.images import check_pair, check_references, filtered

SIGMA = (0.0248, 0.0185, 0.0179, 0.0191, 0.0220, 0.2782)
"""What the neighbours' sum is added to, by level from fine to coarse."""
NEIGHBOURS = (
    (0.1011, 0.1493, 0.1460, 0.1015),
    (0.0757, 0.1986, 0.1846, 0.0837),
    (0.0477, 0.2138, 0.2243, 0.0467),
    (0.0, 0.2503, 0.2616, 0.0),
    (0.0, 0.2598, 0.2552, 0.0),
    (0.0, 0.2215, 0.0717, 0.0),
)
"""Weights of the cells above, to the left, to the right and below, by level."""
SECOND_TO_THE_RIGHT = 0.0072
"""At the finest level of Laparra's version one more cell counts."""
N_LEVELS = len(SIGMA)
LAPARRA_TAPS = (0.0625, 0.25, 0.375, 0.25, 0.0625)
HEPBURN_TAPS = (0.05, 0.25, 0.4, 0.25, 0.05)
LOSS_EPSILON = 1e-10
"""Inside the roots of a loss, whose slope at identity is infinite otherwise."""
Variant = Literal["laparra", "hepburn"]
Axes = Literal["as_is", "swapped"]


class Nlpd:
    """NLPD bound to references, whose pyramids are computed once.

    Parameters
    ----------
    references_n1ft : Tensor, shape (n, 1, bands, frames)
        Images in [0, 1]; a single one serves any number of images.
    variant : {"laparra", "hepburn"}
        Whose version; on noisy photographs they differ by 1 to 8 %, on darker ones by 11 to 16 %.
    axes : {"as_is", "swapped"}
        Whether frames stand for left and right, or bands do.

    Raises
    ------
    UnfitInputError
        If these are no images, or one is constant, see `check_references`.
    """

    def __init__(
        self, references_n1ft: Tensor, *, variant: Variant = "laparra", axes: Axes = "as_is"
    ) -> None:
        check_references(references_n1ft)
        self._references_n1ft, self._variant, self._axes = references_n1ft, variant, axes
        self._levels = normalised_pyramid(references_n1ft, variant=variant, axes=axes)

    def distance(self, images_n1ft: Tensor) -> Tensor:
        """Compare images with their references.

        Parameters
        ----------
        images_n1ft : Tensor, shape (n, 1, bands, frames)
            Images in [0, 1].

        Returns
        -------
        Tensor, shape (n,)
            From 0, which identical images get, up.

        Raises
        ------
        UnfitInputError
            If these are no images, or no pairs with the references.
        """
        check_pair(self._references_n1ft, images_n1ft)
        levels = normalised_pyramid(images_n1ft, variant=self._variant, axes=self._axes)
        return _distance(self._levels, levels, 0.0)


def nlpd(
    references_n1ft: Tensor,
    images_n1ft: Tensor,
    *,
    variant: Variant = "laparra",
    axes: Axes = "as_is",
    epsilon: float = LOSS_EPSILON,
) -> Tensor:
    """Return the distances of images from references, shape (n,), for a loss: nothing is checked.

    Identical images get the root of `epsilon`, 1e-5, which keeps the slope finite.
    """
    ours, theirs = (
        normalised_pyramid(images, variant=variant, axes=axes)
        for images in (references_n1ft, images_n1ft)
    )
    return _distance(ours, theirs, epsilon)


def normalised_pyramid(
    images_n1ft: Tensor, *, variant: Variant = "laparra", axes: Axes = "as_is"
) -> list[Tensor]:
    """Take images apart into six levels, each divided by what is around a cell.

    Parameters
    ----------
    images_n1ft : Tensor, shape (n, 1, bands, frames)
        Images in [0, 1].
    variant, axes
        As `Nlpd` takes them.

    Returns
    -------
    list of Tensor, each of shape (n, 1, height, width)
        From fine to coarse; the sides of each are half of those before, rounded up.
    """
    if axes == "swapped":
        images_n1ft = images_n1ft.transpose(2, 3)
    levels = (_laparra_pyramid if variant == "laparra" else _hepburn_pyramid)(images_n1ft)
    return [
        level / (SIGMA[number] + _around(level.abs(), number, variant))
        for number, level in enumerate(levels)
    ]


def _distance(ours: list[Tensor], theirs: list[Tensor], epsilon: float) -> Tensor:
    squares = [
        (one - other).square().mean(dim=(1, 2, 3)) + epsilon
        for one, other in zip(ours, theirs, strict=True)
    ]
    return torch.stack(squares).sqrt().mean(dim=0)


def _laparra_pyramid(images_n1ft: Tensor) -> list[Tensor]:
    levels = []
    for _ in range(N_LEVELS - 1):
        halved = _blurred(images_n1ft, LAPARRA_TAPS, step=2)
        levels.append(images_n1ft - _doubled(halved, images_n1ft.shape[2:]))
        images_n1ft = halved
    return [*levels, images_n1ft]


def _hepburn_pyramid(images_n1ft: Tensor) -> list[Tensor]:
    levels = []
    for _ in range(N_LEVELS):
        halved = _blurred(images_n1ft, HEPBURN_TAPS, step=2)
        smooth = functional.interpolate(
            halved, images_n1ft.shape[2:], mode="bilinear", align_corners=True
        )
        levels.append(images_n1ft - _blurred(smooth, HEPBURN_TAPS))
        images_n1ft = halved
    return levels


def _doubled(halved_n1ft: Tensor, size: torch.Size) -> Tensor:
    """Put zeros between cells and smooth; the small image is reflected, not the large one."""
    small = _reflected(halved_n1ft, 1)
    large = small.new_zeros((len(small), 1, size[0] + 4, size[1] + 4))
    large[:, :, ::2, ::2] = 4 * small[:, :, : (size[0] + 5) // 2, : (size[1] + 5) // 2]
    return filtered(large, LAPARRA_TAPS)


def _blurred(images_n1ft: Tensor, taps: tuple[float, ...], *, step: int = 1) -> Tensor:
    """Filter along both axes; images are reflected at their borders."""
    return filtered(_reflected(images_n1ft, len(taps) // 2), taps, step=step)


def _reflected(images_n1ft: Tensor, n_cells: int) -> Tensor:
    """Continue images beyond their borders; a side of one or two cells is repeated to and fro."""
    for axis in (2, 3):
        side = images_n1ft.shape[axis]
        place = torch.arange(-n_cells, side + n_cells, device=images_n1ft.device)
        period = max(1, 2 * (side - 1))
        place = place.remainder(period)
        images_n1ft = images_n1ft.index_select(axis, torch.minimum(place, period - place))
    return images_n1ft


def _around(sizes_n1ft: Tensor, number: int, variant: Variant) -> Tensor:
    """Weigh the neighbours of each cell; there are zeros beyond the borders."""
    height, width = sizes_n1ft.shape[2:]
    padded = functional.pad(sizes_n1ft, (1, 2, 1, 1))
    above, left, right, below = NEIGHBOURS[number]
    total = padded[:, :, 1:-1, 2 : 2 + width] * right
    total = torch.add(total, padded[:, :, 1:-1, :width], alpha=left)
    if above or below:
        total = torch.add(total, padded[:, :, :height, 1 : 1 + width], alpha=above)
        total = torch.add(total, padded[:, :, 2:, 1 : 1 + width], alpha=below)
    if variant == "laparra" and number == 0:
        total = torch.add(total, padded[:, :, 1:-1, 3:], alpha=SECOND_TO_THE_RIGHT)
    return total
