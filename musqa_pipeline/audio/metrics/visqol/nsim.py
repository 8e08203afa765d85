"""NSIM, the neurogram similarity index, over patches of two spectrograms (numba).

Hines and Harte, doi:10.1016/j.specom.2011.09.004, eq. 2 of Hines et al. (ViSQOLAudio,
doi:10.1121/1.4921674): with local means, variances and covariance under a 3 x 3 Gaussian window,

    NSIM = (2 mu_r mu_d + C1) / (mu_r^2 + mu_d^2 + C1) * (sigma_rd + C3) / (sigma_r sigma_d + C3).

Edges repeat the outermost row and column of a patch.
"""

from __future__ import annotations

import numba
import numpy as np
from numpy.typing import NDArray

CORNER, EDGE, CENTRE = 0.0113033910173052, 0.0838251475442633, 0.619485845753726
"""ViSQOL's window, which is not quite separable."""
C1, C3 = 0.0001, 0.00045
"""(0.01 L)^2 and (0.03 L)^2 / 2 with L = 1, as ViSQOL has them."""
FLOOR_DB, RANGE_DB = -45.0, 45.0
"""Floors of ViSQOL's spectrograms: absolute, and below each frame's loudest band. Its decibels
are 10 log10 of an RMS amplitude, so that 45 of them are 90 dB of power."""
SMALLEST = 2.220446049250313e-16
"""Stands for an RMS of exactly zero before the logarithm."""


def to_db(rms: NDArray[np.float64]) -> NDArray[np.float64]:
    """Convert RMS amplitudes to ViSQOL's decibels, 10 log10, floored at -45."""
    return np.maximum(10.0 * np.log10(np.where(rms == 0.0, SMALLEST, rms)), FLOOR_DB)


@numba.njit(cache=True, error_model="numpy")
def floor_together(
    reference_db: NDArray[np.float64], degraded_db: NDArray[np.float64], n_bands: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Raise two spectrograms to a common floor frame by frame, and set the lowest value to 0.

    Both are from `to_db`, of shape (bands, frames), and may differ in length.
    """
    first, second = reference_db.copy(), degraded_db.copy()
    n_common = min(first.shape[1], second.shape[1])
    lowest = np.inf
    for frame in range(n_common):
        highest = -np.inf
        for band in range(n_bands):
            highest = max(highest, first[band, frame], second[band, frame])
        floor = highest - RANGE_DB
        for band in range(n_bands):
            first[band, frame] = max(first[band, frame], floor)
            second[band, frame] = max(second[band, frame], floor)
    for band in range(n_bands):
        for frame in range(first.shape[1]):
            lowest = min(lowest, first[band, frame])
        for frame in range(second.shape[1]):
            lowest = min(lowest, second[band, frame])
    first -= lowest
    second -= lowest
    return first, second


@numba.njit(cache=True, error_model="numpy")
def band_similarities(
    reference: NDArray[np.float64], degraded: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the NSIM of each band of two patches, averaged over time.

    Patches are of shape (bands, frames), in decibels above a common floor. A similarity is 1 where
    they are equal, and can be slightly negative.
    """
    n_bands, n_frames = reference.shape
    means = np.empty(n_bands)
    for band in range(n_bands):
        total = 0.0
        for frame in range(n_frames):
            mu_r = mu_d = rr = dd = rd = 0.0
            for down in range(-1, 2):
                row = min(max(band + down, 0), n_bands - 1)
                for right in range(-1, 2):
                    column = min(max(frame + right, 0), n_frames - 1)
                    off_centre = abs(down) + abs(right)
                    weight = CENTRE if off_centre == 0 else EDGE if off_centre == 1 else CORNER
                    r, d = reference[row, column], degraded[row, column]
                    mu_r += weight * r
                    mu_d += weight * d
                    rr += weight * (r * r)
                    dd += weight * (d * d)
                    rd += weight * (r * d)
            product = (rr - mu_r * mu_r) * (dd - mu_d * mu_d)
            spread = C3 if product < 0.0 else np.sqrt(product) + C3
            level = (2.0 * (mu_r * mu_d) + C1) / (mu_r * mu_r + mu_d * mu_d + C1)
            total += level * ((rd - mu_r * mu_d + C3) / spread)
        means[band] = total / n_frames
    return means


@numba.njit(cache=True, error_model="numpy")
def local_statistics(
    values: NDArray[np.float64], left: int, right: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return mean and standard deviation under the window, at each band and frame.

    The edges of `values` are repeated. `left` and `right` are 1, or 0 where each frame is to be
    taken as the first or last of a patch. A variance that rounding has made negative counts as 0.
    """
    n_bands, n_frames = values.shape
    means, deviations = np.empty_like(values), np.empty_like(values)
    for band in range(n_bands):
        above, below = max(band - 1, 0), min(band + 1, n_bands - 1)
        for frame in range(n_frames):
            before, after = max(frame - left, 0), min(frame + right, n_frames - 1)
            a, b, c = values[above, before], values[above, frame], values[above, after]
            d, e, f = values[band, before], values[band, frame], values[band, after]
            g, h, i = values[below, before], values[below, frame], values[below, after]
            mean = CORNER * (a + c + g + i) + EDGE * (b + d + f + h) + CENTRE * e
            square = (
                CORNER * (a * a + c * c + g * g + i * i)
                + EDGE * (b * b + d * d + f * f + h * h)
                + CENTRE * (e * e)
            )
            means[band, frame] = mean
            deviations[band, frame] = np.sqrt(max(square - mean * mean, 0.0))
    return means, deviations
