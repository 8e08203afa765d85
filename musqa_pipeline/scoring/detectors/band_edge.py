"""Band edge: a frequency above which there is nothing, as codecs and filters leave it.

Where the spectrum ends is found by `audio/measures/bandwidth.py`; an event needs a cliff there,
because the sound of a dark instrument fades out without one. The kind of codec is a guess from the
edge alone.
"""

from __future__ import annotations

from musqa_pipeline.audio.measures.bandwidth import BandwidthMeter
from musqa_pipeline.scoring.detectors.codec_edges import CODEC_EDGES_HZ
from musqa_pipeline.scoring.detectors.finding import Detector, Finding
from musqa_pipeline.scoring.detectors.section import Section

PART_S = 5.0
"""Length of a spectrum; the shorter, the more often music itself has no treble in it."""
HIGHEST_EDGE_HZ = 20_250.0
"""Masters at 44.1 kHz end between here and 22 kHz."""
LEAST_FALL_DB = 15.0
"""Within half a kilohertz."""
NYQUIST_FRAC = 0.92
"""Edges above this part of half the sample rate are the anti-alias filter's."""
NEAR_HZ = 400.0
"""A codec's edge is found within this distance."""
LOW_RATE_HZ = 32_000
"""A file of a lower sample rate has an edge by itself."""


def find(section: Section) -> list[Finding]:
    """Find where the spectrum of the mix ends early; strength is the edge in hertz.

    `details` has the fall in dB and the codecs that leave such an edge.
    """
    rate = section.sample_rate_hz
    size = round(PART_S * rate)
    starts = range(0, max(1, len(section.mono) - size // 2), size)
    found = []
    for start, end in zip(starts, [*starts[1:], len(section.mono)], strict=True):
        meter = BandwidthMeter(rate)
        meter.update(section.mono[start:end])
        edge_hz = meter.upper_edge_hz()
        if edge_hz <= 0:
            continue
        fall_db = meter.fall_db(edge_hz)
        times = section.times(start, end)
        if edge_hz < min(HIGHEST_EDGE_HZ, NYQUIST_FRAC * rate / 2) and fall_db >= LEAST_FALL_DB:
            details = {"fall_db": round(fall_db, 1), "codecs": codecs_at(edge_hz)}
            found.append(Finding(*times, edge_hz, details))
        elif rate < LOW_RATE_HZ:
            details = {"sample_rate_hz": rate, "codecs": []}
            found.append(Finding(*times, min(edge_hz, rate / 2), details))
    return found


def codecs_at(edge_hz: float) -> list[str]:
    """Name the codecs that end the spectrum at a frequency, the nearest first.

    They are written as ``"MP3 at 128 kbit/s"`` or ``"AAC at 96-112 kbit/s"``; there are none where
    no edge is within `NEAR_HZ`.
    """
    names = []
    for codec, edges_hz in CODEC_EDGES_HZ.items():
        near = [kbps for kbps, hz in edges_hz.items() if abs(hz - edge_hz) <= NEAR_HZ]
        if near:
            span = f"{near[0]}" if len(near) == 1 else f"{near[0]}-{near[-1]}"
            distance_hz = min(abs(edges_hz[kbps] - edge_hz) for kbps in near)
            names.append((distance_hz, f"{codec} at {span} kbit/s"))
    return [name for _, name in sorted(names)]


def _say(finding: Finding) -> str:
    text = f"nothing above {finding.strength / 1000:.1f} kHz"
    if "sample_rate_hz" in finding.details:
        rate_khz = finding.details["sample_rate_hz"] / 1000
        return f"{text}: the sample rate of {rate_khz:g} kHz holds no more"
    codecs = finding.details["codecs"]
    if not codecs:
        return f"{text}: a low-pass filter or an unknown codec leaves such an edge"
    listed = codecs[0] if len(codecs) == 1 else f"{', '.join(codecs[:-1])} or {codecs[-1]}"
    return f"{text}; {listed} {'leaves' if len(codecs) == 1 else 'leave'} such an edge"


def _alike(first: Finding, second: Finding) -> bool:
    return abs(first.strength - second.strength) <= 2 * NEAR_HZ


BAND_EDGE = Detector(kind="band_edge", unit="hz", find=find, say=_say, alike=_alike, gap_s=5.5)
"""Joined, the higher edge is kept: what reaches further shows that the recording can."""
