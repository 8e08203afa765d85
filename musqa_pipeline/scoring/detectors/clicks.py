"""Clicks: single moments that stand out of the sound before and after them.

The second difference of each channel lifts what is sudden. A click's peak stands high above the
level of the milliseconds on both sides. The attack of a drum does not, because sound follows it;
and neither do the edges of a buzzing bass, because the next one is as high. After the detection of
impulses in S. J. Godsill and P. J. W. Rayner, Digital Audio Restoration (1998), chapter 5, with
differences in place of a fitted predictor.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import maximum_filter1d

from musqa_pipeline.scoring.detectors.finding import Detector, Finding, counted
from musqa_pipeline.scoring.detectors.section import Section, in_blocks

NEAR_BLOCKS = 8
"""Sound on each side that a click is compared with, 4 ms, next to the block after its own."""
WIDE_BLOCKS = 120
"""Within 60 ms no other peak is nearly as high."""
LEAST_RATIO = 24.0
"""Peak over the root mean square of the louder side. Of Gaussian noise 5 is rare."""
LEAST_PROMINENCE = 4.0
"""Peak over the highest other peak within `WIDE_BLOCKS`."""
LEAST_PEAK = 0.004
"""Of the second difference; a single sample at -54 dBFS."""


def find(section: Section) -> list[Finding]:
    """Find clicks; strength is 1 each, and `details` has how far it stands out in dB."""
    size = section.block_samples
    found: dict[int, float] = {}
    for channel in section.channels:
        for at, ratio in _clicks(channel, size):
            found[at] = max(ratio, found.get(at, 0.0))
    findings = []
    for at, ratio in sorted(found.items()):
        start_s = section.start_s + at * size / section.sample_rate_hz
        details = {"stands_out_db": round(float(20 * np.log10(ratio)), 1)}
        stop_s = start_s + size / section.sample_rate_hz
        findings.append(Finding(start_s, stop_s, 1.0, details))
    return findings


def _clicks(channel: NDArray[np.float32], size: int) -> list[tuple[int, float]]:
    """Return blocks with a click and how far it stands out."""
    blocks, power = in_blocks(np.diff(channel, n=2), size)
    count = len(blocks)
    if count < 2 * NEAR_BLOCKS + 4:
        return []
    peaks = np.maximum(blocks.max(axis=1), -blocks.min(axis=1))
    sums = np.concatenate([[0.0], np.cumsum(power, dtype=np.float64)])
    reach = NEAR_BLOCKS + 2
    at = np.arange(reach, count - reach)
    at = at[(peaks[at] >= LEAST_PEAK) & (peaks[at] == maximum_filter1d(peaks, 3)[at])]
    # The blocks next to its own may hold a part of it.
    before = sums[at - 1] - sums[at - 1 - NEAR_BLOCKS]
    after = sums[at + 2 + NEAR_BLOCKS] - sums[at + 2]
    level = np.sqrt(np.maximum(np.maximum(before, after), 0.0) / NEAR_BLOCKS) + 1e-7
    ratios = peaks[at] / level
    clicks = []
    for i, ratio in zip(at[ratios >= LEAST_RATIO], ratios[ratios >= LEAST_RATIO], strict=True):
        others = [peaks[max(0, i - WIDE_BLOCKS) : i - 1], peaks[i + 2 : i + 2 + WIDE_BLOCKS]]
        if peaks[i] >= LEAST_PROMINENCE * max(float(o.max()) for o in others):
            clicks.append((int(i), float(ratio)))
    return clicks


def _say(finding: Finding) -> str:
    if finding.strength == 1:
        return "a click"
    return f"{finding.strength:.0f} clicks within {finding.stop_s - finding.start_s:.1f} s"


CLICK = Detector(
    kind="click", unit="count", find=find, say=_say, merge=counted("stands_out_db"), gap_s=1.0
)
"""Clicks a second apart are one event with their number."""
