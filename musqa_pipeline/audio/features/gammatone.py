"""ViSQOL's gammatone filterbank: 32 bands from 50 Hz up, evenly spaced on the ERB scale.

Each band is a cascade of four second-order sections with one pole pair (Slaney, "An efficient
implementation of the Patterson-Holdsworth auditory filter bank", Apple TR 35, 1993), with the
bandwidths of Glasberg and Moore (doi:10.1016/0378-5955(90)90170-T).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

EAR_Q, MIN_BANDWIDTH_HZ = 9.26449, 24.7
"""Glasberg and Moore: the equivalent rectangular bandwidth is f / EAR_Q + MIN_BANDWIDTH_HZ."""
BANDWIDTH_FACTOR = 1.019
"""Bandwidth of a fourth-order gammatone filter over the equivalent rectangular one."""


@dataclass(frozen=True)
class GammatoneBank:
    """Coefficients of all bands, low to high."""

    center_hz: NDArray[np.float64]
    """Shape (bands,)."""
    numerators: NDArray[np.float64]
    """Shape (4, bands, 2): b0 and b1 of the four sections; the first holds the gain."""
    denominators: NDArray[np.float64]
    """Shape (bands, 2): a1 and a2, the same in all four sections."""


def design_gammatone(
    sample_rate_hz: int, *, n_bands: int = 32, lowest_hz: float = 50.0
) -> GammatoneBank:
    """Design ViSQOL's filterbank, with unity gain at each centre.

    It reaches from a band centred at `lowest_hz` up to half the sample rate.
    """
    period_s = 1.0 / sample_rate_hz
    corner_hz = EAR_Q * MIN_BANDWIDTH_HZ
    highest_hz = sample_rate_hz / 2.0
    step = (np.log(lowest_hz + corner_hz) - np.log(highest_hz + corner_hz)) / n_bands
    down = np.exp(np.arange(1, n_bands + 1) * step) * (highest_hz + corner_hz) - corner_hz
    center_hz = down[::-1]
    erb_hz = center_hz / EAR_Q + MIN_BANDWIDTH_HZ
    decay = BANDWIDTH_FACTOR * 2.0 * np.pi * erb_hz  # nepers per second
    angle = 2.0 * np.pi * center_hz * period_s
    shrink = np.exp(-decay * period_s)
    cos, sin = np.cos(angle), np.sin(angle)
    spreads = [np.sqrt(3.0 + 2.0**1.5), -np.sqrt(3.0 + 2.0**1.5)]
    spreads += [np.sqrt(3.0 - 2.0**1.5), -np.sqrt(3.0 - 2.0**1.5)]
    numerators = np.empty((4, n_bands, 2))
    numerators[:, :, 0] = period_s
    for section, spread in enumerate(spreads):
        numerators[section, :, 1] = -period_s * shrink * (cos + spread * sin)
    denominators = np.column_stack([-2.0 * cos * shrink, shrink**2])
    # Unity gain at the centre.
    z = np.exp(1j * angle)
    response = np.ones(n_bands, np.complex128)
    for section in range(4):
        response *= (numerators[section, :, 0] + numerators[section, :, 1] / z) / (
            1.0 + denominators[:, 0] / z + denominators[:, 1] / z**2
        )
    numerators[0] /= np.abs(response)[:, None]
    return GammatoneBank(center_hz, numerators, denominators)
