"""MS-SSIM of every image of a block with every image of another, from their local moments.

What belongs to one image, its scales with their local means and variances, is computed once; a
pair costs the local covariance alone, which is fused here with what is made of it. Torch would
write out and read again a whole image at each of some 30 steps.
"""

from __future__ import annotations

import numba
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from musqa_pipeline.audio.metrics.perceptual.ms_ssim import (
    C1,
    C2,
    POWERS,
    Scale,
    scales_of,
    window_of,
)

Floats = NDArray[np.float64]
Cells = NDArray[np.float32]


def similarities(ours: list[Scale], theirs: list[Scale], *, same: bool = False) -> Floats:
    """Compare each of some images with each of others.

    Parameters
    ----------
    ours, theirs : list of Scale
        Of `scales_of`, images of one size, float32.
    same : bool
        Whether both are the same images: then each pair is compared once.

    Returns
    -------
    ndarray of float64, shape (n_ours, n_theirs)
        MS-SSIM with its usual floor, in [0, 1]; where both are the same, what is below the
        diagonal is that above it.
    """
    product = np.ones((len(ours[0].image_n1ft), len(theirs[0].image_n1ft)))
    last = len(POWERS) - 1
    for number, (one, other) in enumerate(zip(ours, theirs, strict=True)):
        window = window_of(one.image_n1ft.shape[2:])
        taps = np.pad(np.array(window, np.float32), (0, -len(window) % 4))
        mean = _means(*_planes(one), *_planes(other), taps, number == last, same)
        product *= np.maximum(mean, 0.0) ** POWERS[number]
    if same:
        above = np.triu(product)
        product = above + np.triu(above, 1).T
    return product


def moments_of(images_n1ft: Tensor) -> list[Scale]:
    """Return the scales of images with their local moments, as `similarities` takes them."""
    with torch.inference_mode():
        return scales_of(images_n1ft)


def _planes(scale: Scale) -> tuple[Cells, Cells, Cells]:
    image, mean, variance = (part[:, 0].contiguous().numpy() for part in scale)
    return image, mean, variance


@numba.njit(cache=True, error_model="numpy", fastmath={"contract", "reassoc", "nsz"})
def _weighted(
    out: Cells, a: Cells, b: Cells, c: Cells, d: Cells, taps: Cells, k: int, adds: bool
) -> None:
    """Weigh four lines with the taps from `k` on; four at a time is what compilers vectorise."""
    w, x, y, z = taps[k], taps[k + 1], taps[k + 2], taps[k + 3]
    if adds:
        for t in range(len(out)):
            out[t] += w * a[t] + x * b[t] + y * c[t] + z * d[t]
    else:
        for t in range(len(out)):
            out[t] = w * a[t] + x * b[t] + y * c[t] + z * d[t]


@numba.njit(cache=True, error_model="numpy", fastmath={"contract", "reassoc", "nsz"})
def _similar(
    both: Cells, one: Cells, other: Cells, first: Cells, second: Cells, out: Cells
) -> np.float32:
    """Add up contrast and structure along a line, and keep them."""
    two, c2 = np.float32(2), np.float32(C2)
    total = np.float32(0)
    for t in range(len(both)):
        covariance = both[t] - one[t] * other[t]
        out[t] = (two * covariance + c2) / (first[t] + second[t] + c2)
        total += out[t]
    return total


@numba.njit(cache=True, error_model="numpy", fastmath={"contract", "reassoc", "nsz"})
def _luminous(similar: Cells, one: Cells, other: Cells) -> np.float32:
    """Add up a line of contrast and structure times luminance."""
    two, c1 = np.float32(2), np.float32(C1)
    total = np.float32(0)
    for t in range(len(similar)):
        squares = one[t] * one[t] + other[t] * other[t]
        total += similar[t] * (two * one[t] * other[t] + c1) / (squares + c1)
    return total


@numba.njit(cache=True, error_model="numpy")
def _means(
    image: Cells,
    mean: Cells,
    variance: Cells,
    images: Cells,
    means: Cells,
    variances: Cells,
    taps: Cells,
    luminous: bool,
    same: bool,
) -> Floats:
    """Average contrast and structure of each pair, times luminance where it is `luminous`.

    Taps are a multiple of four, the last ones perhaps 0.
    """
    n_taps = len(taps)
    n_bands, n_frames = image.shape[1:]
    n_high, n_wide = mean.shape[1:]
    across = np.zeros((n_bands + n_taps, n_wide), np.float32)
    product = np.zeros(n_frames + n_taps, np.float32)
    blurred, similar = np.empty(n_wide, np.float32), np.empty(n_wide, np.float32)
    found = np.zeros((len(image), len(images)))
    for i in range(len(image)):
        for j in range(i if same else 0, len(images)):
            for f in range(n_bands):
                one, other = image[i, f], images[j, f]
                for t in range(n_frames):
                    product[t] = one[t] * other[t]
                for k in range(0, n_taps, 4):
                    a, b = product[k : k + n_wide], product[k + 1 : k + 1 + n_wide]
                    c, d = product[k + 2 : k + 2 + n_wide], product[k + 3 : k + 3 + n_wide]
                    _weighted(across[f], a, b, c, d, taps, k, k > 0)
            total = 0.0
            for f in range(n_high):
                for k in range(0, n_taps, 4):
                    a, b = across[f + k], across[f + k + 1]
                    c, d = across[f + k + 2], across[f + k + 3]
                    _weighted(blurred, a, b, c, d, taps, k, k > 0)
                one, other = mean[i, f], means[j, f]
                summed = _similar(blurred, one, other, variance[i, f], variances[j, f], similar)
                total += float(_luminous(similar, one, other) if luminous else summed)
            found[i, j] = total / (n_high * n_wide)
    return found
