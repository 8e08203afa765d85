"""What a flagged track would itself score against the clean original that nobody has.

Policy `below` lets flagged tracks serve as references only for rows well below that figure.

Both tables were measured with ViSQOL v3 (audio mode, mono mix, 10 s) on six full-band lossless
recordings (two of drums, two of electronic music, one of percussion, one of rock), as means; the
recordings differ by up to 1.2 MOS at one cut-off, because a cut costs only what was there.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

IDENTITY_MOS = 4.73
LOWPASS_MOS = {
    0: 1.0,
    3_500: 1.99,
    5_000: 2.07,
    7_500: 2.46,
    10_000: 3.13,
    12_000: 3.65,
    14_000: 4.03,
    15_000: 4.16,
    16_000: 4.28,
    17_000: 4.37,
    18_000: 4.51,
    19_000: 4.63,
    20_000: 4.68,
    22_050: IDENTITY_MOS,
}
"""MOS of a steep low-pass (linear phase, transition of 0.4 kHz) by cut-off in hertz."""
LOSSY_MOS = {32: 2.0, 96: 3.99, 128: 4.21, 160: 4.28, 192: 4.38, 256: 4.49, 320: 4.58, 512: 4.65}
"""MOS of stereo MP3 (libmp3lame) by bitrate in kbit/s; AAC and Vorbis score 0.1 to 0.25 higher
at every rate. 32 and 512 are extrapolated."""
OUT_OF_PHASE_MOS = 3.0
"""A cautious figure, not measured: how much a mono mix cancels depends on the recording."""
UNKNOWN_LOSSY_KBPS = 128.0
HIGHEST_LOSSY_KBPS = 512.0


def own_mos(
    upper_edge_hz: float,
    flags: Sequence[str],
    *,
    bitrate_kbps: float,
    tier: str = "",
) -> float:
    """Estimate the MOS-LQO of a track against its clean original.

    Parameters
    ----------
    upper_edge_hz : float
        Upper edge of the track's spectrum.
    flags : sequence of str
        Why it is flagged, from `flags_of`.
    bitrate_kbps : float
        Mean bitrate of the file; counts if its own codec may be what was lossy.
    tier : str
        What the origin was; a bitrate in it, as in ``lossy_150k_190k``, goes before the file's.

    Returns
    -------
    float
        The lowest of the estimates that the flags call for; 4.73 without flags. It rises with
        edge and bitrate.
    """
    estimates = [IDENTITY_MOS]
    if "upper_edge" in flags:
        estimates.append(_interpolate(LOWPASS_MOS, upper_edge_hz))
    if "lossy_source" in flags:
        estimates.append(_interpolate(LOSSY_MOS, origin_kbps(tier, bitrate_kbps)))
    if "out_of_phase" in flags:
        estimates.append(OUT_OF_PHASE_MOS)
    return min(estimates)


def origin_kbps(tier: str, bitrate_kbps: float) -> float:
    """Return the bitrate at which a track was once coded, at its lowest.

    The lower bound in the tier, such as ``lossy_150k_190k``, or two thirds of the bound of
    ``lossy_below_150k``; without one, the file's own rate if a lossy codec can have it, else 128.
    """
    bounds = [float(number) for number in re.findall(r"(\d+)k", tier.lower())]
    if bounds:
        return bounds[0] * (2 / 3 if "below" in tier.lower() else 1)
    return bitrate_kbps if bitrate_kbps <= HIGHEST_LOSSY_KBPS else UNKNOWN_LOSSY_KBPS


def _interpolate(table: dict[int, float], at: float) -> float:
    return float(np.interp(at, list(table), list(table.values())))
