"""The search for the degraded patch that belongs to each reference patch (numba).

Each patch of the reference, 30 frames, is compared with the degraded spectrogram at every offset
within 60 patches, and dynamic programming picks offsets that rise from patch to patch with the
largest sum of NSIM (Google's ViSQOL, ``comparison_patches_selector``).
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

from musqa_pipeline.labels.visqol.fft import DType
from musqa_pipeline.labels.visqol.nsim import C1, C3, CENTRE, CORNER, EDGE, local_statistics

PATCH_FRAMES = 30
SEARCH_FRAMES = 60 * PATCH_FRAMES
BLOCK = 512
"""Offsets at a time; what belongs to them stays in the first-level cache."""
LOST = -1
"""Offset of a patch that the degraded signal has lost."""


def patch_starts(n_frames: int) -> NDArray[np.int64]:
    """Return where the patches of a reference start.

    Parameters
    ----------
    n_frames : int
        Frames of its spectrogram, at least 45.

    Returns
    -------
    ndarray of int64, shape (patches,)
        14, 44, 74, ... as far as a whole patch and a frame follow.
    """
    half = PATCH_FRAMES // 2
    return np.arange(half, max(n_frames - PATCH_FRAMES, half + 1), PATCH_FRAMES) - 1


def find_offsets(
    patches: NDArray[np.float64],
    starts: NDArray[np.int64],
    degraded_db: NDArray[np.float64],
    dtype: DType = "float64",
) -> NDArray[np.int64]:
    """Find the degraded frame at which each reference patch is found again.

    Parameters
    ----------
    patches : ndarray of float64, shape (patches, bands, 30)
        Patches of the reference, in decibels above the common floor.
    starts : ndarray of int64, shape (patches,)
        Their first frames.
    degraded_db : ndarray of float64, shape (bands, frames)
        The degraded spectrogram above the same floor.
    dtype : {"float64", "float32"}
        Precision of the similarities that are compared.

    Returns
    -------
    ndarray of int64, shape (patches found,)
        Offsets in frames, `LOST` for a patch without counterpart. Patches that start 15 frames
        or more after the degraded signal's end are left out.
    """
    n_frames = degraded_db.shape[1]
    n_patches = int(np.searchsorted(starts - PATCH_FRAMES // 2, n_frames, side="right"))
    # What a patch has beyond the end is silence at the floor.
    padded = np.zeros((degraded_db.shape[0], n_frames + PATCH_FRAMES + 1))
    padded[:, :n_frames] = degraded_db
    mean, deviation = local_statistics(padded, 1, 1)
    first_mean, first_deviation = local_statistics(padded, 0, 1)
    last_mean, last_deviation = local_statistics(padded, 1, 0)
    means = np.stack((first_mean, mean, last_mean))
    deviations = np.stack((first_deviation, deviation, last_deviation))
    return _best_path(
        patches[:n_patches],
        starts,
        padded.astype(dtype, copy=False),
        means.astype(dtype, copy=False),
        deviations.astype(dtype, copy=False),
        n_frames,
    )


@numba.njit(cache=True, error_model="numpy")
def _best_path(
    patches: NDArray[np.float64],
    starts: NDArray[np.int64],
    padded: NDArray[Any],
    means: NDArray[Any],
    deviations: NDArray[Any],
    n_frames: int,
) -> NDArray[np.int64]:
    """Fill the table of sums row by row, then walk back from the best end.

    Rows cover offsets from `low` on; outside its row a sum counts as 0, as in ViSQOL.
    """
    n_patches = patches.shape[0]
    width = min(n_frames, 2 * SEARCH_FRAMES + 1)
    sums = np.zeros((n_patches, width))
    came_from = np.full((n_patches, width), -1, np.int32)
    lows = np.empty(n_patches, np.int64)
    for p in range(n_patches):
        low = max(0, starts[p] - SEARCH_FRAMES)
        high = min(n_frames - 1, starts[p] + SEARCH_FRAMES)
        lows[p] = low
        _row_similarities(patches[p], padded, means, deviations, low, sums[p, : high - low + 1])
        if p == 0:
            continue
        # The best sum of the patch before at any lower offset; of equal ones the rightmost.
        best, best_offset = -1e308, -1
        before_low = lows[p - 1]
        before_high = min(n_frames - 1, starts[p - 1] + SEARCH_FRAMES)
        for offset in range(before_low, high + 1):
            before = 0.0
            if offset <= before_high:
                before = sums[p - 1, offset - before_low]
            if offset >= low:
                value = sums[p, offset - low] + best
                source = best_offset
                if before > value:
                    value, source = before, offset
                sums[p, offset - low] = value
                came_from[p, offset - low] = source
            if before >= best:
                best, best_offset = before, offset
    last = n_patches - 1
    highest, at = -1e308, lows[last]
    for offset in range(lows[last], min(n_frames - 1, starts[last] + SEARCH_FRAMES) + 1):
        if sums[last, offset - lows[last]] > highest:
            highest, at = sums[last, offset - lows[last]], offset
    offsets = np.empty(n_patches, np.int64)
    for p in range(last, -1, -1):
        inside = 0 <= at - lows[p] < width
        source = came_from[p, at - lows[p]] if inside else -1
        offsets[p] = LOST if source == at else at
        at = source
    return offsets


@numba.njit(cache=True, error_model="numpy")
def _row_similarities(
    patch: NDArray[np.float64],
    padded: NDArray[Any],
    means: NDArray[Any],
    deviations: NDArray[Any],
    low: int,
    out: NDArray[np.float64],
) -> None:
    """Compare one patch with the degraded signal at offsets low, low + 1, ...; mean NSIM each."""
    n_bands, n_columns = patch.shape
    patch_mean, patch_deviation = local_statistics(patch, 1, 1)
    kind = padded.dtype.type
    over_band, over_all = np.empty(BLOCK, padded.dtype), np.empty(BLOCK)
    c1, c3 = kind(C1), kind(C3)
    for first in range(0, len(out), BLOCK):
        n = min(BLOCK, len(out) - first)
        over_all[:] = 0.0
        for band in range(n_bands):
            above, below = max(band - 1, 0), min(band + 1, n_bands - 1)
            over_band[:] = 0.0
            for column in range(n_columns):
                before, after = max(column - 1, 0), min(column + 1, n_columns - 1)
                place = 0 if column == 0 else 2 if column == n_columns - 1 else 1
                at = low + first
                _add_cell(
                    padded[above, at + before : at + before + n],
                    padded[above, at + column : at + column + n],
                    padded[above, at + after : at + after + n],
                    padded[band, at + before : at + before + n],
                    padded[band, at + column : at + column + n],
                    padded[band, at + after : at + after + n],
                    padded[below, at + before : at + before + n],
                    padded[below, at + column : at + column + n],
                    padded[below, at + after : at + after + n],
                    means[place, band, at + column : at + column + n],
                    deviations[place, band, at + column : at + column + n],
                    kind(CORNER * patch[above, before]),
                    kind(EDGE * patch[above, column]),
                    kind(CORNER * patch[above, after]),
                    kind(EDGE * patch[band, before]),
                    kind(CENTRE * patch[band, column]),
                    kind(EDGE * patch[band, after]),
                    kind(CORNER * patch[below, before]),
                    kind(EDGE * patch[below, column]),
                    kind(CORNER * patch[below, after]),
                    kind(patch_mean[band, column]),
                    kind(2.0 * patch_mean[band, column]),
                    kind(patch_mean[band, column] * patch_mean[band, column] + C1),
                    kind(patch_deviation[band, column]),
                    c1,
                    c3,
                    over_band,
                )
            for i in range(n):
                over_all[i] += over_band[i] / n_columns
        for i in range(n):
            out[first + i] = over_all[i] / n_bands


@numba.njit(cache=True, error_model="numpy")
def _add_cell(
    a: NDArray[Any], b: NDArray[Any], c: NDArray[Any],
    d: NDArray[Any], e: NDArray[Any], f: NDArray[Any],
    g: NDArray[Any], h: NDArray[Any], k: NDArray[Any],
    mean: NDArray[Any], deviation: NDArray[Any],
    wa: float, wb: float, wc: float, wd: float, we: float,
    wf: float, wg: float, wh: float, wk: float,
    mu: float, twice_mu: float, square: float, sigma: float,
    c1: float, c3: float, total: NDArray[Any],
) -> None:  # fmt: skip
    """Add the NSIM of one band and frame at each offset: vectors first, then what is constant."""
    for i in range(len(mean)):
        m = mean[i]
        crossed = (
            wa * a[i] + wb * b[i] + wc * c[i] + wd * d[i] + we * e[i]
            + wf * f[i] + wg * g[i] + wh * h[i] + wk * k[i]
        )  # fmt: skip
        total[i] += ((twice_mu * m + c1) * (crossed - mu * m + c3)) / (
            (square + m * m) * (sigma * deviation[i] + c3)
        )
