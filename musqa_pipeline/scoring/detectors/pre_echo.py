"""Pre-echo: noise that rises milliseconds before an attack.

A transform codec spreads its quantisation noise over a block, also over the part before an attack.
The second difference of the mono mix is looked at in blocks of half a millisecond. Before a sharp
attack a codec's noise rises 2 to 6 ms early; before a recorded one nothing does. One attack may be
played so (a flam, a brush), so that several attacks and a good part of all must show it.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from musqa_pipeline.scoring.detectors.finding import Detector, Finding
from musqa_pipeline.scoring.detectors.section import Section, in_blocks

REST_BLOCKS = (80, 16)
"""From 40 to 8 ms before an attack there is only what came before it."""
EARLY_BLOCKS = (6, 3)
"""From 3 to 1.5 ms before it is the pre-echo, if there is one; nearer is the attack's own edge."""
PEAK_BLOCKS = 8
JUMP_DB = 14.0
"""An attack is sharp if it rises by this much within 1.5 ms …"""
STEP_DB = 4.0
"""… and by this much in half a millisecond."""
HEADROOM_DB = 30.0
"""Attacks that rise less above what was before say nothing."""
LEAST_PEAK_DB = -70.0
APART_BLOCKS = 60
RISE_DB = 6.0
LEAST_ATTACKS = 4
LEAST_PART = 0.4
"""Of the sharp attacks, with pre-echo."""


def find(section: Section) -> list[Finding]:
    """Find pre-echoes in the mix, at most once: from the first to the last attack with one.

    Strength is the median rise in dB, and `details` has the numbers of attacks.
    """
    size = section.block_samples
    _, power = in_blocks(np.diff(section.mono, n=2), size)
    if len(power) < REST_BLOCKS[0] + 2 * PEAK_BLOCKS + 2:
        return []
    level = np.float32(10.0) * np.log10(power + np.float32(1e-13))
    attacks, rises = [], []
    for at, peak in _attacks(level):
        rest = float(np.percentile(level[at - REST_BLOCKS[0] : at - REST_BLOCKS[1]], 85))
        if peak - rest >= HEADROOM_DB:
            attacks.append(at)
            rises.append(float(level[at - EARLY_BLOCKS[0] : at - EARLY_BLOCKS[1]].min()) - rest)
    early = [(at, rise) for at, rise in zip(attacks, rises, strict=True) if rise >= RISE_DB]
    if len(early) < max(LEAST_ATTACKS, LEAST_PART * len(attacks)):
        return []
    seconds = size / section.sample_rate_hz
    times = [section.start_s + at * seconds for at, _ in early]
    details = {"attacks": len(attacks), "with_pre_echo": len(early)}
    rise_db = round(float(np.median([rise for _, rise in early])), 1)
    return [Finding(times[0] - EARLY_BLOCKS[0] * seconds, times[-1], rise_db, details)]


def _attacks(level: NDArray[np.float32]) -> list[tuple[int, float]]:
    """Return the blocks where sharp attacks begin, and their peaks in dB."""
    at = np.arange(REST_BLOCKS[0], len(level) - PEAK_BLOCKS)
    peaks = np.max([level[at + k] for k in range(PEAK_BLOCKS)], axis=0)
    now = level[at]
    sharp = (now >= peaks - 10.0) & (peaks > LEAST_PEAK_DB)
    sharp &= (now >= level[at - 3] + JUMP_DB) & (now > level[at - 1] + STEP_DB)
    attacks: list[tuple[int, float]] = []
    for block, peak in zip(at[sharp], peaks[sharp], strict=True):
        if not attacks or block - attacks[-1][0] >= APART_BLOCKS:
            attacks.append((int(block), float(peak)))
    return attacks


def _merge(first: Finding, second: Finding) -> Finding:
    details = {key: first.details[key] + second.details[key] for key in first.details}
    return replace(first, strength=max(first.strength, second.strength), details=details)


def _say(finding: Finding) -> str:
    return (
        f"pre-echo: noise rises milliseconds before {finding.details['with_pre_echo']} of "
        f"{finding.details['attacks']} attacks, as encoders make it"
    )


PRE_ECHO = Detector(kind="pre_echo", unit="db", find=find, say=_say, merge=_merge, gap_s=10.5)
