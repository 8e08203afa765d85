"""Spectral holes: cells of time and frequency that an encoder left empty for want of bits.

A cell is 190 Hz wide and 43 ms long. A hole lies far below its neighbours in time on both sides
and, at that moment, below its neighbours in frequency on both sides: 20 dB and 15 dB. Notes come
and go with their harmonics, and a pause is as wide as the band, so that music leaves few of them.
Where bits are short, an encoder zeroes a band of lines in one frame and codes it in the next.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from musqa_pipeline.scoring.detectors.finding import Detector, Finding
from musqa_pipeline.scoring.detectors.section import Section

CELL_BINS = 8
LOWEST_HZ, HIGHEST_HZ = 2_000.0, 16_000.0
BELOW_IN_TIME_DB = 20.0
BELOW_IN_FREQUENCY_DB = 15.0
LOUD_HZ = (500.0, 6_000.0)
LOUD_DB = 30.0
"""Moments further below the loud ones than this are pauses."""
EDGE_DB = 75.0
"""Cells whose band never comes within this of the loudest band lie above the recording's edge."""
LEAST_FRACTION = 0.004
"""Of cells; the most that music without a codec had was 0.0033 (see docs/detectors.md)."""
LEAST_BANDS = 4
LEAST_FRAMES = 40
_FLOOR = np.float32(1e-13)


def find(section: Section) -> list[Finding]:
    """Find holes in the spectrum of the mix, at most once; strength is their fraction of all cells.

    Less than a second holds no answer.
    """
    power, bin_hz = section.power, section.bin_hz
    if len(power) < LEAST_FRAMES:
        return []
    low = round(LOWEST_HZ / bin_hz)
    high = min(round(HIGHEST_HZ / bin_hz), power.shape[1])
    count = (high - low) // CELL_BINS
    cells = _decibels(power[:, low : low + count * CELL_BINS].reshape(len(power), count, CELL_BINS))
    first, last = (round(hz / bin_hz) for hz in LOUD_HZ)
    loudness = _decibels(power[:, first:last])
    loud = loudness > np.percentile(loudness, 95) - LOUD_DB
    reached = np.percentile(cells, 95, axis=0) > np.percentile(loudness, 95) - EDGE_DB
    bands = int(np.flatnonzero(reached)[-1]) + 1 if reached.any() else 0
    # The topmost cells may hold the edge itself.
    cells = cells[:, : max(0, bands - 2)]
    if cells.shape[1] < LEAST_BANDS or not loud[3:-3].any():
        return []
    fraction = float(_holes(cells)[loud[3:-3]].mean())
    if fraction < LEAST_FRACTION:
        return []
    highest_hz = (low + cells.shape[1] * CELL_BINS) * bin_hz
    details = {"lowest_hz": LOWEST_HZ, "highest_hz": round(highest_hz)}
    return [Finding(section.start_s, section.stop_s, fraction, details)]


def _holes(cells: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Mark the holes among cells, without the first and last three frames."""
    here = cells[3:-3]
    # Half-overlapped spectra: the next one holds half of the same sound.
    before = np.maximum(cells[:-6], cells[1:-5])
    after = np.maximum(cells[5:-1], cells[6:])
    holes = np.minimum(before, after) - here > BELOW_IN_TIME_DB
    wide = np.pad(here, ((0, 0), (2, 2)), mode="edge")
    under = np.maximum(wide[:, :-4], wide[:, 1:-3])
    over = np.maximum(wide[:, 3:-1], wide[:, 4:])
    holes &= np.minimum(under, over) - here > BELOW_IN_FREQUENCY_DB
    return holes


def _decibels(power: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the level of the mean over the last axis."""
    mean = power.sum(axis=-1) / np.float32(power.shape[-1])
    return np.float32(10.0) * np.log10(mean + _FLOOR)


def _say(finding: Finding) -> str:
    return (
        f"holes in the spectrum: above 2 kHz {100 * finding.strength:.1f} % is missing for "
        "moments, as encoders at low bitrates leave it"
    )


HOLES = Detector(kind="holes", unit="fraction", find=find, say=_say, gap_s=10.5)
