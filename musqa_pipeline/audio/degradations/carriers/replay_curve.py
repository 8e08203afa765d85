"""A record cut by one equalisation and replayed by another.

Replay curves have a pole at the bass roll-off, a zero at the turnover, and a pole in the treble,
here the one that gives the attenuation at 10 kHz that IASA lists [1]_; all are 0 dB at 1 kHz.

References
----------
.. [1] IASA Technical Committee, "Guidelines on the production and preservation of digital audio
   objects", IASA-TC 04, 2nd edition (2009), section 5.3.6.
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy
from numpy.typing import NDArray

from musqa_pipeline.audio.constants import SAMPLE_RATE_HZ
from musqa_pipeline.audio.degradations.carriers.fault import GREATEST, FaultParams, Floats, Medium

REFERENCE_HZ, TREBLE_HZ = 1_000.0, 10_000.0
LOWEST_HZ = 2.0
"""Where a curve without roll-off ends all the same, since it would grow without end."""
FLAT, RIAA = "flat", "riaa"
RIAA_US = (3_180.0, 318.0, 75.0)
CURVES: dict[str, tuple[float | None, float, float]] = {
    "aes": (50.0, 400.0, -12.0),
    "ffrr_1949": (40.0, 250.0, -5.0),
    "ffrr_1951": (None, 300.0, -14.0),
    "ffrr_1953": (100.0, 450.0, -11.0),
    "columbia_lp": (100.0, 500.0, -16.0),
    "nab": (None, 500.0, -16.0),
    "rca_orthophonic": (50.0, 500.0, -11.0),
}
"""Bass roll-off and turnover in hertz, and level at 10 kHz in dB ([1]_)."""
NAMES = (*CURVES, RIAA, FLAT)


@dataclass(frozen=True)
class ReplayCurveParams(FaultParams):
    """Parameters of a wrong replay curve; the intensity is per cent of the difference in dB."""

    cut_by: str
    replayed_by: str


class ReplayCurve:
    """A record cut by one of `NAMES` and replayed by another."""

    name = "replay_curve"
    params = ReplayCurveParams

    def with_intensity(
        self, intensity: float, rng: np.random.Generator, medium: Medium
    ) -> ReplayCurveParams:
        """Draw two curves that differ."""
        cut, replayed = rng.choice(len(NAMES), 2, replace=False)
        return ReplayCurveParams(intensity, NAMES[cut], NAMES[replayed])

    def apply(self, x: Floats, params: ReplayCurveParams) -> Floats:
        """Filter the music by the share of the difference, with the phases of analogue filters."""
        n = scipy.fft.next_fast_len(
            len(x) + SAMPLE_RATE_HZ, real=True
        )  # what rings on for a second
        frequency_hz = scipy.fft.rfftfreq(n, 1 / SAMPLE_RATE_HZ)
        wrong = replay_response(params.replayed_by, frequency_hz)
        wrong /= replay_response(params.cut_by, frequency_hz)
        # Of filters with real poles and zeros the phase is a sum of angles below 90 degrees each,
        # so that the logarithm of the product of few of them needs no unwrapping.
        share = params.intensity / GREATEST
        return scipy.fft.irfft(scipy.fft.rfft(x, n) * np.exp(share * np.log(wrong)), n)[: len(x)]


def replay_response(name: str, frequency_hz: Floats) -> NDArray[np.complex128]:
    """Return what a replay curve does at some frequencies, 1 in magnitude at 1 kHz."""
    if name == FLAT:
        return np.ones(len(frequency_hz), np.complex128)
    times_s = _times_s(name)
    level = abs(_response(2j * np.pi * REFERENCE_HZ, times_s))
    response: NDArray[np.complex128] = _response(2j * np.pi * frequency_hz, times_s) / level
    return response


def _response(s: Any, times_s: tuple[float, float, float]) -> Any:
    """Return the value of a curve's transfer function, not normalised."""
    bass_s, turnover_s, treble_s = times_s
    return (1 + s * turnover_s) / ((1 + s * bass_s) * (1 + s * treble_s))


@functools.cache
def _times_s(name: str) -> tuple[float, float, float]:
    """Return the time constants of a curve; the treble's is found from its level at 10 kHz."""
    if name == RIAA:
        bass_us, turnover_us, treble_us = RIAA_US
        return bass_us / 1e6, turnover_us / 1e6, treble_us / 1e6
    bass_hz, turnover_hz, treble_db = CURVES[name]
    bass_s, turnover_s = (1 / (2 * math.pi * hz) for hz in (bass_hz or LOWEST_HZ, turnover_hz))

    def treble_of(treble_s: float) -> float:
        high, middle = (
            abs(_response(2j * math.pi * hz, (bass_s, turnover_s, treble_s)))
            for hz in (TREBLE_HZ, REFERENCE_HZ)
        )
        return 20 * math.log10(high / middle)

    treble_s = scipy.optimize.brentq(lambda t: treble_of(t) - treble_db, 1e-7, 1e-3)
    return bass_s, turnover_s, float(treble_s)
