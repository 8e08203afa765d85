"""Descriptive features: what an ear trained on codecs would look at, as named numbers.

All are computed from the band image, so that whoever has the one has the other.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from musqa_pipeline.audio.features.bands import (
    FLOOR_DB,
    N_BANDS,
    N_SEGMENTS,
    band_centres_hz,
    levels_db,
)

Levels = dict[str, NDArray[np.float32]]
GROUPS = (*range(0, 64, 4), *range(64, N_BANDS, 6))
"""First band of each group: 16 below 6 kHz, 32 above (562 Hz each)."""
REGIONS = tuple(range(0, N_BANDS, 32))
"""First band of each region in which holes are counted."""
BELOW_PEAK_DB = (40, 50, 60, 70, 80)
ABOVE_DB = (-95, -90, -80, -70)
HOLE_DEPTHS_DB = (15, 30)
HOLE_REACH_BANDS = 4
FALL_BANDS = (3, 8, 16)
FALLS_FROM_BAND = 24
"""About 1.4 kHz: below it a fall is more often the end of a bass line than of a recording."""
RANGES_HZ = (
    (100, 500), (500, 1_500), (1_500, 3_500), (3_500, 5_000), (5_000, 7_000), (7_000, 9_000),
    (9_000, 12_000), (12_000, 15_000), (15_000, 17_000), (17_000, 20_000), (20_000, 24_000),
)  # fmt: skip
_AT_FLOOR_DB = FLOOR_DB + 3.0


def describe(image: NDArray[np.uint8]) -> dict[str, float]:
    """Describe a band image: a number for each of `DESCRIPTORS`, in their order."""
    return {name: float(value) for name, _, value in _described(levels_db(image))}


def _described(levels: Levels) -> Iterator[tuple[str, str, float]]:
    """Yield name, meaning and value."""
    power = levels["power"]
    mean_db = _to_db(_from_db(power).mean(axis=0) + 1e-10)
    yield from _over_groups(levels, mean_db)
    yield from _holes(levels)
    yield from _edges(levels, mean_db)
    yield from _falls(mean_db)
    yield from _ranges(mean_db)


def _over_groups(levels: Levels, mean_db: NDArray[np.float32]) -> Iterator[tuple[str, str, float]]:
    power, log_power, log_bins = levels["power"], levels["log_power"], levels["log_bins"]
    around = np.pad(mean_db, 3, mode="edge")
    peaks = np.max([around[k : k + N_BANDS] for k in range(7)], axis=0)
    by_band = {
        "level_db": ("level of a segment, mean", power.mean(axis=0)),
        "crest_db": ("its mean power over its mean level", mean_db - power.mean(axis=0)),
        "flicker_db": ("how much frames differ in a segment", (power - log_power).mean(axis=0)),
        "ragged_db": ("how much bins differ in a band", (log_power - log_bins).mean(axis=0)),
        "dip_db": ("how far the least frame lies below", (power - levels["least"]).mean(axis=0)),
        "swing_db": ("deviation of the level over segments", power.std(axis=0)),
        "ragged_swing_db": ("deviation of `ragged`", (log_power - log_bins).std(axis=0)),
        "valley_db": ("depth below the neighbouring bands", peaks - mean_db),
    }
    borders_hz = _borders_hz(GROUPS)
    for name, (meaning, values) in by_band.items():
        means = np.add.reduceat(values, GROUPS) / np.diff([*GROUPS, N_BANDS])
        for (low, high), value in zip(borders_hz, means, strict=True):
            yield f"{name}_{low}_{high}_hz", f"{meaning}, {low}-{high} Hz", value


def _holes(levels: Levels) -> Iterator[tuple[str, str, float]]:
    log_power = levels["log_power"]
    padded = np.pad(log_power, ((0, 0), (HOLE_REACH_BANDS, HOLE_REACH_BANDS)), mode="edge")
    reach = range(2 * HOLE_REACH_BANDS + 1)
    peaks = np.max([padded[:, k : k + N_BANDS] for k in reach], axis=0)
    masks = {
        **{f"holes_{d}_db": (f"cells {d} dB below a neighbour", peaks - log_power > d)
           for d in HOLE_DEPTHS_DB},
        "empty": ("cells at the floor", log_power < _AT_FLOOR_DB),
        "torn": ("cells whose bins differ by over 8 dB", log_power - levels["log_bins"] > 8),
        "silent": ("cells with a frame at the floor", levels["least"] < _AT_FLOOR_DB),
    }  # fmt: skip
    borders_hz = _borders_hz(REGIONS)
    for name, (meaning, mask) in masks.items():
        shares = np.add.reduceat(mask.mean(axis=0), REGIONS) / np.diff([*REGIONS, N_BANDS])
        for (low, high), value in zip(borders_hz, shares, strict=True):
            yield f"{name}_{low}_{high}_hz", f"share of {meaning}, {low}-{high} Hz", value


def _edges(levels: Levels, mean_db: NDArray[np.float32]) -> Iterator[tuple[str, str, float]]:
    for depth in BELOW_PEAK_DB:
        meaning = f"highest band within {depth} dB of the loudest, in hertz"
        yield (
            f"edge_{depth}_db_below_peak_hz",
            meaning,
            _highest_hz(mean_db > mean_db.max() - depth),
        )
    for level in ABOVE_DB:
        meaning = f"highest band above {level} dB, in hertz"
        yield f"edge_above_{-level}_db_hz", meaning, _highest_hz(mean_db > level)
    ordered = np.sort(levels["log_power"], axis=0)
    for share in (90, 50):
        values = ordered[share * (N_SEGMENTS - 1) // 100]
        for level in (-90, -75):
            meaning = f"highest band above {level} dB in {100 - share} % of the segments, in hertz"
            yield f"edge_p{share}_above_{-level}_db_hz", meaning, _highest_hz(values > level)


def _falls(mean_db: NDArray[np.float32]) -> Iterator[tuple[str, str, float]]:
    for width in FALL_BANDS:
        fall = mean_db[FALLS_FROM_BAND:-width] - mean_db[FALLS_FROM_BAND + width :]
        at = int(fall.argmax())
        where, what = FALLS_FROM_BAND + at, f"steepest fall over {width} bands"
        yield f"fall_{width}_db", f"{what}, in dB", fall[at]
        yield f"fall_{width}_hz", f"{what}: where", band_centres_hz()[where]
        yield f"fall_{width}_from_db", f"{what}: level before", mean_db[where]
        yield f"fall_{width}_to_db", f"{what}: level after", mean_db[where + width]


def _ranges(mean_db: NDArray[np.float32]) -> Iterator[tuple[str, str, float]]:
    centres = band_centres_hz()
    power = _from_db(mean_db)
    found = [
        float(_to_db(power[(centres > low) & (centres <= high)].mean())) for low, high in RANGES_HZ
    ]
    for (low, high), level in zip(RANGES_HZ, found, strict=True):
        yield f"range_{low}_{high}_hz_db", f"level of {low}-{high} Hz", level
    for (low, _), (_, high), a, b in zip(RANGES_HZ, RANGES_HZ[1:], found, found[1:], strict=False):
        yield (
            f"slope_{low}_{high}_hz_db",
            f"fall from the lower to the upper part, {low}-{high} Hz",
            a - b,
        )


# In doubles: the last bits of numpy's float32 depend on the processor, and with them which of two
# falls that are alike is the steepest.
def _from_db(levels: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.power(10.0, (levels / 10).astype(np.float64)).astype(np.float32)


def _to_db(power: NDArray[np.float32]) -> NDArray[np.float32]:
    return 10 * np.log10(power.astype(np.float64)).astype(np.float32)


def _highest_hz(mask: NDArray[np.bool_]) -> float:
    """Centre of the highest band of a mask; 0 where there is none."""
    found = np.flatnonzero(mask)
    return float(band_centres_hz()[found[-1]]) if len(found) else 0.0


def _borders_hz(firsts: tuple[int, ...]) -> list[tuple[int, int]]:
    """Return the rounded borders of groups of bands, for names."""
    edges = [*(round(band_centres_hz()[first]) for first in firsts), 24_000]
    return list(itertools.pairwise(edges))


@functools.cache
def _names() -> dict[str, str]:
    blank = np.zeros((N_SEGMENTS, 4 * N_BANDS), np.uint8)
    return {name: meaning for name, meaning, _ in _described(levels_db(blank))}


DESCRIPTORS: dict[str, str] = _names()
"""Name (with its unit; shares have none) and meaning of each feature."""
