"""Distances of all pairs of images, block by block, so that a kill costs a row of blocks.

The mean squared difference of vectors follows from their products: that is log-mel MSE, and, level
by level of their normalised pyramids, NLPD. MS-SSIM is no product; see `similarities`.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from musqa_pipeline.audio.metrics.perceptual.images import check_references
from musqa_pipeline.audio.metrics.perceptual.nlpd import normalised_pyramid
from musqa_pipeline.core.files import whole_file
from musqa_pipeline.learning.classification.similarities import moments_of, similarities

Floats = NDArray[np.float64]
Metric = Literal["mse", "ms_ssim", "nlpd"]
METRICS: tuple[Metric, ...] = ("mse", "ms_ssim", "nlpd")
BLOCK = 48
"""Images of a block. Of NLPD two of them are in memory with 1.3 doubles a cell, of MS-SSIM with 4
floats."""


def all_distances(
    images: NDArray[np.generic],
    metric: Metric,
    *,
    folder: Path | None = None,
    block: int = BLOCK,
    after_row: Callable[[], object] = lambda: None,
) -> Floats:
    """Compute the distance of every pair of images.

    Parameters
    ----------
    images : ndarray of float32 or uint8, shape (n, bands, frames)
        Cells in [0, 1], or 255 times that; may be mapped into memory.
    metric : {"mse", "ms_ssim", "nlpd"}
        Mean squared difference of cells, 1 - MS-SSIM, or Laparra's NLPD.
    folder : Path, optional
        Where rows of blocks are kept, and found again after a kill. They belong to these images and
        this `block` alone.
    block : int
        Images of a block.
    after_row : callable
        Called when a row of blocks is kept.

    Returns
    -------
    ndarray of float64, shape (n, n)
        0 on the diagonal, symmetric, within 1e-5 of what the metric's class says of a pair.

    Raises
    ------
    UnfitInputError
        If these are no images, or one is constant, see `check_references`.
    LakeError
        If the folder cannot be written.
    """
    n = len(images)
    found = np.zeros((n, n))
    for first in range(0, n, block):
        kept = None if folder is None else folder / f"{metric}-{block}-{first:05d}.npy"
        if kept is not None and kept.is_file():
            row = np.load(kept)
        else:
            row = _row(images, metric, first, block)
            if kept is not None:
                with whole_file(kept) as temporary, temporary.open("wb") as file:
                    np.save(file, row)
        found[first : first + block, first:] = row
        after_row()
    above = np.triu(found, 1)
    return above + above.T


def as_tensor(images: NDArray[np.generic]) -> Tensor:
    """Return stored images as a batch in [0, 1], shape (n, 1, bands, frames)."""
    cells = torch.from_numpy(np.ascontiguousarray(images))
    wide = cells.float() / 255 if cells.dtype == torch.uint8 else cells.float()
    return wide[:, None]


def _row(images: NDArray[np.generic], metric: Metric, first: int, block: int) -> Floats:
    """Compare a block with itself and with all that come after it."""
    ours = as_tensor(images[first : first + block])
    check_references(ours)
    described = DESCRIBED[metric](ours)
    parts = [COMPARED[metric](described, described, True)]
    for start in range(first + block, len(images), block):
        theirs = as_tensor(images[start : start + block])
        check_references(theirs)
        parts.append(COMPARED[metric](described, DESCRIBED[metric](theirs), False))
    return np.concatenate(parts, axis=1)


def _vectors(images_n1ft: Tensor) -> list[Tensor]:
    return [images_n1ft.flatten(1).double()]


def _levels(images_n1ft: Tensor) -> list[Tensor]:
    with torch.inference_mode():
        return [level.flatten(1).double() for level in normalised_pyramid(images_n1ft)]


def _mean_squares(ours: list[Tensor], theirs: list[Tensor]) -> list[Tensor]:
    """Mean squared differences of every two vectors of each kind, (n_ours, n_theirs) each."""
    found = []
    for one, other in zip(ours, theirs, strict=True):
        squares = one.square().sum(dim=1)[:, None] + other.square().sum(dim=1)
        found.append(((squares - 2 * one @ other.T) / one.shape[1]).clamp(min=0))
    return found


def _mse(ours: list[Tensor], theirs: list[Tensor], same: bool) -> Floats:
    return _mean_squares(ours, theirs)[0].numpy()


def _nlpd(ours: list[Tensor], theirs: list[Tensor], same: bool) -> Floats:
    return torch.stack(_mean_squares(ours, theirs)).sqrt().mean(dim=0).numpy()


def _dissimilarity(ours: list, theirs: list, same: bool) -> Floats:
    # Rounding may take the similarity of what is alike above 1.
    return np.maximum(1.0 - similarities(ours, theirs, same=same), 0.0)


DESCRIBED: dict[Metric, Callable[[Tensor], list]] = {
    "mse": _vectors, "ms_ssim": moments_of, "nlpd": _levels,
}  # fmt: skip
"""What is computed once of the images of a block."""
COMPARED: dict[Metric, Callable[[list, list, bool], Floats]] = {
    "mse": _mse, "ms_ssim": _dissimilarity, "nlpd": _nlpd,
}  # fmt: skip
"""What is computed of every two; the last argument says that both blocks are the same one."""
