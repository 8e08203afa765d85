"""Clipping: flat tops with sharp corners, at whatever level they are now.

In each second of a channel, the samples that lie within a hair of its largest (or least) value
are looked at. Clipping leaves runs of them, and beside a run the signal falls at once. A smooth
top, even that of a bass note, falls as a parabola: one run length beyond its ends it has lost eight
times what it loses inside. So clipping is told from it at any level, even if it was turned down.
What was filtered or coded after clipping has no flat tops any more and is not found.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from musqa_pipeline.scoring.detectors.finding import Detector, Finding
from musqa_pipeline.scoring.detectors.section import Section

BLOCK_S = 1.0
LEAST_PEAK = 0.02
"""-34 dBFS; at a lower peak the steps of 16 bit make flat tops by themselves."""
HAIR_OF_PEAK = 1e-4
HAIR = 2.5 / 32_768
"""Width of a top: rounding to 16 bit, with dither, moves its samples by this much."""
LEAST_RUN = 3
"""Samples of a flat top."""
CORNER = 24.0
"""Fall beside a run, in widths of the top; three times that of a parabola."""
LEAST_RUNS = 3
"""In one second, of the channel that has most."""


def find(section: Section) -> list[Finding]:
    """Find seconds with flat tops; strength is the largest fraction of a channel's samples in them.

    `details` has their number and the level in dBFS.
    """
    size = round(BLOCK_S * section.sample_rate_hz)
    found = []
    for start in range(0, len(section.samples), size):
        worst: tuple[int, int, float] = (0, 0, 0.0)
        for channel in section.channels:
            # The samples beside the block tell corners at its ends.
            block = channel[start : start + size]
            up, down = (_flat_tops(block, sign) for sign in (1, -1))
            runs, samples = up[0] + down[0], up[1] + down[1]
            worst = max(worst, (runs, samples, max(up[2], down[2])))
        if worst[0] >= LEAST_RUNS:
            stop = min(start + size, len(section.samples))
            details = {"flat_tops": worst[0], "level_dbfs": round(20 * math.log10(worst[2]), 1)}
            strength = worst[1] / (stop - start)
            found.append(Finding(*section.times(start, stop), strength, details))
    return found


def _flat_tops(block: NDArray[np.float32], sign: int) -> tuple[int, int, float]:
    """Count runs at the extreme of one sign: runs, samples in them, level."""
    peak = float(block.max() if sign > 0 else -block.min())
    if peak < LEAST_PEAK:
        return 0, 0, 0.0
    hair = HAIR_OF_PEAK * peak + HAIR
    level = np.float32(sign * (peak - hair))
    near = np.flatnonzero(block >= level if sign > 0 else block <= level)
    if len(near) < LEAST_RUN:
        return 0, 0, 0.0
    breaks = np.flatnonzero(np.diff(near) > 1)
    firsts = near[np.concatenate([[0], breaks + 1])]
    lasts = near[np.concatenate([breaks, [len(near) - 1]])]
    lengths = lasts - firsts + 1
    before, after = firsts - lengths, lasts + lengths
    kept = (lengths >= LEAST_RUN) & (before >= 0) & (after < len(block))
    corner = np.float32(CORNER * hair)
    fallen = [peak - sign * block[at[kept]] >= corner for at in (before, after)]
    sharp = fallen[0] & fallen[1]
    if not sharp.any():
        return 0, 0, 0.0
    return int(sharp.sum()), int(lengths[kept][sharp].sum()), peak


def _merge(first: Finding, second: Finding) -> Finding:
    spans = (first.stop_s - first.start_s, second.stop_s - second.start_s)
    total = first.strength * spans[0] + second.strength * spans[1]
    tops = first.details["flat_tops"] + second.details["flat_tops"]
    level = max(first.details["level_dbfs"], second.details["level_dbfs"])
    details = {"flat_tops": tops, "level_dbfs": level}
    return replace(first, strength=total / max(sum(spans), 1e-9), details=details)


def _say(finding: Finding) -> str:
    tops, level_dbfs = finding.details["flat_tops"], finding.details["level_dbfs"]
    place = "full scale" if level_dbfs > -0.3 else f"{level_dbfs:.1f} dBFS, clipped before"
    return f"clipping: {tops:,} flat tops at {place}"


CLIPPING = Detector(kind="clipping", unit="fraction", find=find, say=_say, merge=_merge, gap_s=2.5)
"""Seconds without a flat top between seconds with many do not end an event."""
