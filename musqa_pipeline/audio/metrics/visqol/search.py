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

from musqa_pipeline.audio.metrics.visqol.fft import DType
from musqa_pipeline.audio.metrics.visqol.nsim import C1, C3, CENTRE, CORNER, EDGE, local_statistics

PATCH_FRAMES = 30
SEARCH_FRAMES = 60 * PATCH_FRAMES
BLOCK = 512
"""Offsets at a time; what belongs to them stays in the first-level cache."""
LOST = -1
"""Offset of a patch that the degraded signal has lost."""


def patch_starts(n_frames: int) -> NDArray[np.int64]:
    """Return where the patches of a reference of at least 45 frames start.

    At 14, 44, 74, ... as far as a whole patch and a frame follow.
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

    `patches`, (patches, bands, 30), and the degraded spectrogram, (bands, frames), are in decibels
    above one floor; `dtype` is the precision of the similarities that are compared. Returns offsets
    in frames, `LOST` for a patch without counterpart. Patches that start 15 frames or more after
    the degraded signal's end are left out.
    """
    n_frames = degraded_db.shape[1]
    n_patches = n_within(starts, n_frames)
    padded, means, deviations = degraded_statistics(degraded_db)
    sums = np.zeros((n_patches, min(n_frames, 2 * SEARCH_FRAMES + 1)))
    _fill_similarities(
        patches[:n_patches],
        starts,
        padded.astype(dtype, copy=False),
        means.astype(dtype, copy=False),
        deviations.astype(dtype, copy=False),
        n_frames,
        sums,
    )
    return best_path(sums, starts, n_frames)


def n_within(starts: NDArray[np.int64], n_frames: int) -> int:
    """Return how many patches do not start 15 frames or more after the degraded signal's end."""
    return int(np.searchsorted(starts - PATCH_FRAMES // 2, n_frames, side="right"))


def degraded_statistics(
    degraded_db: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Compute what the search needs of the degraded side, once for all patches and offsets.

    The spectrogram with 31 frames at the floor behind it, for what a patch has beyond the end;
    means and deviations under the window, each of shape (3, bands, frames + 31), where a frame is
    the first of a patch, inside it, or the last.
    """
    n_bands, n_frames = degraded_db.shape
    padded = np.zeros((n_bands, n_frames + PATCH_FRAMES + 1))
    padded[:, :n_frames] = degraded_db
    statistics = [local_statistics(padded, *sides) for sides in ((0, 1), (1, 1), (1, 0))]
    means, deviations = zip(*statistics, strict=True)
    return padded, np.stack(means), np.stack(deviations)


@numba.njit(cache=True, error_model="numpy")
def best_path(
    similarities: NDArray[np.float64], starts: NDArray[np.int64], n_frames: int
) -> NDArray[np.int64]:
    """Pick one offset a patch so that offsets rise and similarities sum to the most.

    `similarities` are mean NSIM, of shape (patches, offsets), and are overwritten; the row of a
    patch begins at its lowest offset, `first_offset`. Returns offsets in frames, `LOST` for a patch
    whose predecessor alone at that place did better. Of equal sums before it the rightmost wins; at
    the end, the first.
    """
    sums = similarities
    n_patches, width = sums.shape
    came_from = np.full((n_patches, width), -1, np.int32)
    for p in range(1, n_patches):
        low, high = first_offset(starts[p]), last_offset(starts[p], n_frames)
        before_low, before_high = first_offset(starts[p - 1]), last_offset(starts[p - 1], n_frames)
        best, best_offset = -1e308, -1
        for offset in range(before_low, high + 1):
            # Outside its row a sum counts as 0, as in ViSQOL.
            before = sums[p - 1, offset - before_low] if offset <= before_high else 0.0
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
    low = first_offset(starts[last])
    highest, at = -1e308, low
    for offset in range(low, last_offset(starts[last], n_frames) + 1):
        if sums[last, offset - low] > highest:
            highest, at = sums[last, offset - low], offset
    offsets = np.empty(n_patches, np.int64)
    for p in range(last, -1, -1):
        column = at - first_offset(starts[p])
        source = came_from[p, column] if 0 <= column < width else -1
        offsets[p] = LOST if source == at else at
        at = source
    return offsets


@numba.njit(cache=True)
def first_offset(start: int) -> int:
    """Lowest offset at which a patch is sought."""
    return max(0, start - SEARCH_FRAMES)


@numba.njit(cache=True)
def last_offset(start: int, n_frames: int) -> int:
    """Highest offset at which a patch is sought."""
    return min(n_frames - 1, start + SEARCH_FRAMES)


@numba.njit(cache=True, error_model="numpy")
def _fill_similarities(
    patches: NDArray[np.float64],
    starts: NDArray[np.int64],
    padded: NDArray[Any],
    means: NDArray[Any],
    deviations: NDArray[Any],
    n_frames: int,
    out: NDArray[np.float64],
) -> None:
    for p in range(patches.shape[0]):
        low, high = first_offset(starts[p]), last_offset(starts[p], n_frames)
        _row_similarities(patches[p], padded, means, deviations, low, out[p, : high - low + 1])


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


@numba.njit(cache=True, error_model="numpy", fastmath={"contract"})
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
