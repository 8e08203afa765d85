"""Dropouts: sound that stops at once, stays away for milliseconds, and comes back at once.

The first difference of each channel is looked at in blocks of half a millisecond, so that a held
sample counts like zeros. A gap begins where a block falls 45 dB below the ten milliseconds before
it and the block before was still loud; it ends likewise, at about the level from before. A rest
between notes does not: sound dies away into it, and what follows is louder.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from musqa_pipeline.scoring.detectors.finding import Detector, Finding, counted
from musqa_pipeline.scoring.detectors.section import Section, in_blocks

AROUND_BLOCKS = 20
"""Sound before and after a gap that it is compared with, 10 ms."""
GAP_POWER = 10 ** (-45 / 10)
"""Of a gap, over the power before it."""
LOUD_POWER = 10 ** (-14 / 10)
"""Of the last block before and the first after a gap, over the 10 ms before or after."""
CHANGE_DB = 15.0
"""Largest difference between the levels before and after."""
LEAST_POWER = 1e-8
"""Of the first difference before a gap; at 44.1 kHz about that of music at -60 dBFS."""
TOP_FRAC = 0.9
"""What is held this near to the extremes around it is a flat top: clipping."""
LONGEST_S = 0.5
LEAST_BLOCKS = 3


def find(section: Section) -> list[Finding]:
    """Find gaps in any channel; strength is 1 each, and `details` has the length in ms."""
    rate, size = section.sample_rate_hz, section.block_samples
    spans: set[tuple[int, int]] = set()
    for channel in section.channels:
        spans.update(_gaps(channel, size, round(LONGEST_S * rate / size)))
    return [
        Finding(
            *section.times(first * size, last * size),
            1.0,
            {"longest_ms": round(1000 * (last - first) * size / rate, 1)},
        )
        for first, last in sorted(spans)
    ]


def _gaps(channel: NDArray[np.float32], size: int, longest: int) -> list[tuple[int, int]]:
    """Return the first block of each gap and the first after it."""
    _, power = in_blocks(np.diff(channel), size)
    count = len(power)
    if count < 2 * AROUND_BLOCKS + LEAST_BLOCKS:
        return []
    sums = np.concatenate([[0.0], np.cumsum(power, dtype=np.float64)])
    at = np.arange(AROUND_BLOCKS + 1, count - AROUND_BLOCKS - LEAST_BLOCKS)
    # The block before may hold the last of the sound and the first of the gap.
    before = np.maximum(sums[at - 1] - sums[at - 1 - AROUND_BLOCKS], 0.0) / AROUND_BLOCKS
    starts = (power[at] < GAP_POWER * before) & (before > LEAST_POWER)
    starts &= (power[at - 1] >= GAP_POWER * before) & (power[at - 2] >= LOUD_POWER * before)
    gaps = []
    for first, level in zip(at[starts], before[starts], strict=True):
        sounding = np.flatnonzero(power[first : first + longest] >= GAP_POWER * level)
        if not len(sounding) or sounding[0] < LEAST_BLOCKS:
            continue
        last = int(first + sounding[0])
        after = float(sums[min(last + 1 + AROUND_BLOCKS, count)] - sums[last + 1]) / AROUND_BLOCKS
        back = float(power[last : last + 2].max())
        change_db = abs(10 * np.log10((after + 1e-20) / level))
        around = channel[max(0, first - AROUND_BLOCKS) * size : (last + AROUND_BLOCKS) * size]
        clipped = abs(channel[first * size + size // 2]) > TOP_FRAC * np.abs(around).max()
        if back >= LOUD_POWER * after and change_db <= CHANGE_DB and not clipped:
            gaps.append((int(first), last))
    return gaps


def _say(finding: Finding) -> str:
    length = f"{finding.details['longest_ms']:.0f} ms"
    if finding.strength == 1:
        return f"a dropout of {length}"
    return f"{finding.strength:.0f} dropouts, the longest of {length}"


DROPOUT = Detector(
    kind="dropout", unit="count", find=find, say=_say, merge=counted("longest_ms"), gap_s=1.0
)
