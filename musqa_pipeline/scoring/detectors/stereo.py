"""Collapsed stereo: two channels that are one, one against the other, or one alone.

Per second the powers of mid (L+R)/2 and side (L-R)/2 are compared. Dual mono has no side; where
the channels are each other's negative there is no mid, and a mono mix of them is silence.
Of more than two channels the first two, the front pair of all common layouts, are looked at.
"""

from __future__ import annotations

import numpy as np

from musqa_pipeline.scoring.detectors.finding import Detector, Finding
from musqa_pipeline.scoring.detectors.section import Section

BLOCK_S = 1.0
DUAL_MONO_DB = -50.0
"""Side against mid; the side of narrow, real stereo stays above it (see docs/detectors.md)."""
OUT_OF_PHASE_DB = 10.0
"""Side against mid; wide stereo passes 8 dB for a second now and then."""
SILENT_CHANNEL_DB = -60.0
"""One channel against the other."""
QUIET_POWER = 10 ** (-60 / 10)
"""Seconds below -60 dBFS do not count: noise and dither have their own stereo."""
TEXTS = {
    "dual_mono": "both channels are the same: mono in a stereo file",
    "out_of_phase": "the channels are out of phase: in mono the sound cancels; turn one round",
    "one_channel": "one channel is silent",
}


def find(section: Section) -> list[Finding]:
    """Find seconds whose stereo has collapsed; strength is side against mid, -120 to 120 dB.

    `details` has the form.
    """
    if len(section.channels) < 2:
        return []
    left, right = section.channels[:2]
    size = min(round(BLOCK_S * section.sample_rate_hz), len(left))
    starts = np.arange(0, len(left) - size // 2, size)
    mid, side = (left + right) / np.float32(2), (left - right) / np.float32(2)
    powers = [np.add.reduceat(np.square(x), starts) for x in (mid, side, left, right)]
    ends = [*starts[1:], len(left)]
    found = []
    for start, end, *sums in zip(starts, ends, *powers, strict=True):
        mid_power, side_power, l_power, r_power = (float(s) / (end - start) for s in sums)
        if l_power + r_power < 2 * QUIET_POWER:
            continue
        side_db = _ratio_db(side_power, mid_power)
        if abs(_ratio_db(l_power, r_power)) >= -SILENT_CHANNEL_DB:
            form = "one_channel"
        elif side_db <= DUAL_MONO_DB:
            form = "dual_mono"
        elif side_db >= OUT_OF_PHASE_DB:
            form = "out_of_phase"
        else:
            continue
        found.append(Finding(*section.times(start, end), round(side_db, 1), {"form": form}))
    return found


def _ratio_db(power: float, other: float) -> float:
    return float(np.clip(10 * np.log10((power + 1e-20) / (other + 1e-20)), -120.0, 120.0))


MONO_COLLAPSE = Detector(
    kind="mono_collapse",
    unit="db",
    find=find,
    say=lambda finding: TEXTS[finding.details["form"]],
    alike=lambda a, b: bool(a.details["form"] == b.details["form"]),
    gap_s=2.5,
)
"""Seconds apart that are still one event: pauses are not judged."""
