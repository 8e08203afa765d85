"""Hum: the mains at 50 or 60 Hz and their harmonics, all the time and always as loud.

Spectra of two seconds tell a line from the notes around it: no note of the tempered scale lies
within 0.3 % of the first six harmonics of 50 or 60 Hz. A line counts that stands out in every
spectrum and keeps its level; music does neither for ten seconds. Two harmonics are needed.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from musqa_pipeline.scoring.detectors.finding import Detector, Finding
from musqa_pipeline.scoring.detectors.section import Section

MAINS_HZ = (50.0, 60.0)
HARMONICS = 6
LEAST_SPECTRA = 3
"""Two seconds each; shorter sounds may hold a tone by themselves."""
OFF_FRAC = 0.002
"""A line may be off by this part of its frequency, and by a tenth of a hertz: mains wander."""
AROUND_HZ = (2.5, 9.0)
"""Distance from a line of the bins that it must stand out of."""
LEAST_PROMINENCE_DB = 12.0
MOST_CHANGE_DB = 3.0
QUIET_PART = 0.6
"""Of the spectra, those where the line is weakest must agree: notes may cover the rest."""
LEAST_LINES = 2
LEAST_LEVEL_DB = -66.0
"""Against all sound; weaker hum is masked by anything."""


def find(section: Section) -> list[Finding]:
    """Find hum in the mix, at most once; strength is its level against all sound, in dB.

    Less than six seconds hold no answer.
    """
    spectra, bin_hz = section.fine
    if len(spectra) < LEAST_SPECTRA:
        return []
    everything = float(np.mean(np.square(section.mono), dtype=np.float64)) + 1e-20
    best: tuple[float, float, list[int]] | None = None
    for mains_hz in MAINS_HZ:
        found = [_line(spectra, bin_hz, k * mains_hz) for k in range(1, HARMONICS + 1)]
        lines = [k for k, power in enumerate(found, start=1) if power > 0]
        # A full-scale sine has power 1/4 in its bin, and 1/2 in its samples.
        level_db = 10 * np.log10(2 * sum(found) / everything + 1e-20)
        enough = len(lines) >= LEAST_LINES and level_db >= LEAST_LEVEL_DB
        if enough and (best is None or level_db > best[0]):
            best = (float(level_db), mains_hz, lines)
    if best is None:
        return []
    level_db, mains_hz, lines = best
    details = {"mains_hz": mains_hz, "harmonics": lines}
    return [Finding(section.start_s, section.stop_s, round(level_db, 1), details)]


def _line(spectra: NDArray[np.float32], bin_hz: float, hz: float) -> float:
    """Return the power of a steady line at a frequency, 0 if there is none."""
    at = round(hz / bin_hz)
    near, far = (round(distance / bin_hz) for distance in AROUND_HZ)
    if at - far < 1 or at + far >= spectra.shape[1]:
        return 0.0
    mean = spectra[:, at - 2 : at + 3].mean(axis=0, dtype=np.float64)
    top = int(np.argmax(mean))
    if top in (0, 4):  # it peaks elsewhere
        return 0.0
    # Of a Hann window: the ratio of two bins' amplitudes tells the frequency between them.
    left, middle, right = np.sqrt(mean[top - 1 : top + 2])
    shift = (2 * max(left, right) - middle) / (max(left, right) + middle + 1e-30)
    off_hz = abs((at - 2 + top + (shift if right >= left else -shift)) * bin_hz - hz)
    if off_hz > OFF_FRAC * hz + 0.1:
        return 0.0
    peaks = spectra[:, at - 4 + top : at + 1 + top].sum(axis=1) * (2 / 3)  # of a Hann window
    sides = np.concatenate(
        [spectra[:, at - far : at - near + 1], spectra[:, at + near : at + far + 1]], axis=1
    )
    background = np.median(sides, axis=1) + 1e-20
    order = np.argsort(peaks)[: max(LEAST_SPECTRA, round(QUIET_PART * len(peaks)))]
    peaks, background = peaks[order] + 1e-20, background[order]
    standing_db = 10 * np.log10(peaks / background)
    change_db = 10 * np.log10(peaks[-1] / peaks[0])
    if np.median(standing_db) < LEAST_PROMINENCE_DB or change_db > MOST_CHANGE_DB:
        return 0.0
    return float(np.median(peaks))


def _say(finding: Finding) -> str:
    mains_hz = finding.details["mains_hz"]
    tones = [f"{k * mains_hz:.0f}" for k in finding.details["harmonics"]]
    listed = f"{', '.join(tones[:-1])} and {tones[-1]}"
    return (
        f"mains hum of {mains_hz:.0f} Hz: steady tones at {listed} Hz, "
        f"{-finding.strength:.0f} dB below the sound"
    )


def _alike(first: Finding, second: Finding) -> bool:
    return bool(first.details["mains_hz"] == second.details["mains_hz"])


HUM = Detector(kind="hum", unit="db", find=find, say=_say, alike=_alike, gap_s=10.5)
