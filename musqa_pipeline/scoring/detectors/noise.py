"""Noise floor: steady noise that is there when the music is quiet, in a band or in a moment.

In half-octave bands from 1 to 16 kHz the quietest sixth of the time is looked at. A noise floor
is as loud in all of it, and its bins are as uneven as those of Gaussian noise: the mean of their
logarithms lies 2.5 dB below the logarithm of their mean (an exponential distribution). Music that
fades into a pause is not steady, and music that is held is not even. After the minimum statistics
of R. Martin (IEEE Trans. Speech Audio Process. 9(5), 2001, doi:10.1109/89.928915).
"""

from __future__ import annotations

import itertools

import numpy as np
from numpy.typing import NDArray

from musqa_pipeline.scoring.detectors.finding import Detector, Finding
from musqa_pipeline.scoring.detectors.section import Section

LOWEST_HZ, HIGHEST_HZ = 1_000.0, 16_000.0
BANDS_PER_OCTAVE = 2
SMOOTH_FRAMES = 4
QUIET_PERCENT = 15.0
LEAST_PERCENT = 4.0
STEADY_DB = 1.2
"""From the quietest moments to the end of the quiet ones."""
EVENNESS_DB = (-3.1, -1.9)
"""Of the bins of Gaussian noise it is -2.5 dB; a steady tone is at -10, dither of nothing at 0."""
LEAST_BANDS = 2
MOST_SNR_DB = 50.0
LEAST_FRAMES = 120
"""2.6 s."""


def find(section: Section) -> list[Finding]:
    """Find a noise floor in the mix, at most once; strength is how far sound is above it, in dB.

    Less than 2.6 s hold no answer.
    """
    power = section.power
    if len(power) < LEAST_FRAMES:
        return []
    edges = _edges(section)
    total, floor, bands = 0.0, 0.0, 0
    for low, high in itertools.pairwise(edges):
        part = power[:, low:high]
        level = part.sum(axis=1, dtype=np.float64)
        total += float(level.mean())
        noise = _floor(part, level)
        floor += noise
        bands += noise > 0
    if bands < LEAST_BANDS:
        return []
    everything = float(power[:, 1:].sum(axis=1, dtype=np.float64).mean())
    snr_db = 10 * np.log10(everything / floor)
    if snr_db > MOST_SNR_DB:
        return []
    details = {"bands": bands}
    return [Finding(section.start_s, section.stop_s, round(float(snr_db), 1), details)]


def _edges(section: Section) -> list[int]:
    """Return borders of bands as bins."""
    highest_hz = min(HIGHEST_HZ, 0.45 * section.sample_rate_hz)
    count = round(BANDS_PER_OCTAVE * np.log2(highest_hz / LOWEST_HZ))
    hz = LOWEST_HZ * 2.0 ** (np.arange(count + 1) / BANDS_PER_OCTAVE)
    return [round(h / section.bin_hz) for h in hz]


def _floor(part: NDArray[np.float32], level: NDArray[np.float64]) -> float:
    """Return the power of the noise floor of a band, 0 if it has none."""
    smooth = np.convolve(level, np.full(SMOOTH_FRAMES, 1 / SMOOTH_FRAMES), "valid")
    least, quiet = np.percentile(smooth, [LEAST_PERCENT, QUIET_PERCENT])
    if least <= 1e-12 * part.shape[1] / 100 or quiet > least * 10 ** (STEADY_DB / 10):
        return 0.0
    inside = part[: len(smooth)][smooth <= quiet]
    logs = np.log10(inside + np.float32(1e-16)).mean(dtype=np.float64)
    evenness_db = 10 * (logs - np.log10(inside.mean(dtype=np.float64)))
    if not EVENNESS_DB[0] <= evenness_db <= EVENNESS_DB[1]:
        return 0.0
    return float(inside.sum(axis=1, dtype=np.float64).mean())


def _merge(first: Finding, second: Finding) -> Finding:
    return min(first, second, key=lambda finding: finding.strength)


def _say(finding: Finding) -> str:
    return f"steady noise {finding.strength:.0f} dB below the sound"


NOISE = Detector(kind="noise", unit="db", find=find, say=_say, merge=_merge, gap_s=10.5)
