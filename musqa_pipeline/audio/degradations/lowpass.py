"""Low-pass filters: that of paper 001, table II, and any other, as one degradation.

Filters are causal. Run forwards and backwards an IIR filter would have twice its order; so its lag
is dropped instead, like a codec's, to the nearest sample. The cut-off is where a filter is down by
3 dB, whatever its kind, so that kinds can be compared; design routines count from other points.
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass

import numpy as np
import scipy
from numpy.typing import NDArray

from musqa_pipeline.audio.constants import SAMPLE_RATE_HZ
from musqa_pipeline.audio.degradations.applied import (
    Applied,
    between,
    log_between,
    one_of,
    stored_as_flac,
)
from musqa_pipeline.core.settings.per_catalog import LOWPASS_HZ

BUTTERWORTH, CHEBYSHEV_1, CHEBYSHEV_2 = "butterworth", "chebyshev1", "chebyshev2"
ELLIPTIC, FIR = "elliptic", "fir"
FAMILY_WEIGHTS = {
    BUTTERWORTH: 0.3,
    CHEBYSHEV_1: 0.25,
    CHEBYSHEV_2: 0.125,
    ELLIPTIC: 0.125,
    FIR: 0.2,
}
"""How often `draw` takes each kind; the gentlest and the steepest familiar ones most."""
HALF_POWER = 0.5


@dataclass(frozen=True)
class LowpassParams:
    """Parameters of a low-pass; the defaults make that of table II."""

    cutoff_hz: float
    """Where the filter is down by 3 dB, in hertz."""
    family: str = BUTTERWORTH
    """Key of `FAMILY_WEIGHTS`."""
    order: int | None = 4
    """Number of poles; None for FIR."""
    ripple_db: float | None = None
    """Ripple of the pass band (Chebyshev I, elliptic)."""
    stopband_db: float | None = None
    """Attenuation of the stop band (Chebyshev II, elliptic, FIR)."""
    transition_hz: float | None = None
    """Width between pass band and stop band (FIR)."""


class Lowpass:
    """Causal low-pass."""

    name = "lowpass"

    def draw(
        self,
        rng: np.random.Generator,
        lowest_hz: float = LOWPASS_HZ[0],
        highest_hz: float = LOWPASS_HZ[1],
    ) -> LowpassParams:
        """Draw a kind by `FAMILY_WEIGHTS` and its parameters.

        Cut-off in the given range, uniform on a logarithmic scale; order 2 to 10; ripple 0.1 to
        1 dB; stop band 40 to 80 dB; transition 100 Hz to 4 kHz (at most the cut-off), logarithmic.
        """
        family = one_of(rng, FAMILY_WEIGHTS)
        cutoff_hz = log_between(rng, lowest_hz, highest_hz)
        order = int(rng.integers(2, 11))
        ripple_db = between(rng, 0.1, 1.0)
        stopband_db = between(rng, 40.0, 80.0)
        transition_hz = log_between(rng, 100.0, min(4_000.0, cutoff_hz))
        return LowpassParams(
            cutoff_hz,
            family,
            order=None if family == FIR else order,
            ripple_db=ripple_db if family in (CHEBYSHEV_1, ELLIPTIC) else None,
            stopband_db=stopband_db if family in (CHEBYSHEV_2, ELLIPTIC, FIR) else None,
            transition_hz=transition_hz if family == FIR else None,
        )

    def apply(self, x: NDArray[np.float32], params: LowpassParams) -> Applied:
        """Filter a signal and store it as 24-bit FLAC."""
        signal = np.asarray(x, np.float64)
        if params.family == FIR:
            y = scipy.signal.oaconvolve(signal, _taps(params))[: len(signal)]
        else:
            y = scipy.signal.sosfilt(_sections(params), signal)
        return stored_as_flac(y, delay_samples=lag_samples(params))


@functools.lru_cache(maxsize=64)
def lag_samples(params: LowpassParams) -> int:
    """Return the whole samples by which a filter delays music.

    Half the length of an FIR filter. Of an IIR filter, where the cross-correlation with the input
    peaks if the input's spectrum falls by 3 dB an octave, as that of music does: 6, 4, 3, 2 for the
    cut-offs of table II.
    """
    if params.family == FIR:
        return len(_taps(params)) // 2
    frequencies_hz, response = scipy.signal.freqz_sos(
        _sections(params), worN=np.arange(SAMPLE_RATE_HZ // 2 + 1), fs=SAMPLE_RATE_HZ
    )
    power = np.where(frequencies_hz < 20, 0.0, 1.0 / np.maximum(frequencies_hz, 20))
    return int(np.argmax(np.fft.irfft(power * response)[: SAMPLE_RATE_HZ // 100]))


def lag_spread_samples(params: LowpassParams) -> int:
    """Bound how far the lag of a part of the band is from `lag_samples`.

    A steep filter delays the neighbourhood of its cut-off more than the rest, and so a sound whose
    strongest notes lie there: by the largest difference of the group delay between 200 Hz and the
    cut-off. FIR filters delay all alike.
    """
    if params.family == FIR:
        return 0
    frequencies_hz = np.arange(200.0, params.cutoff_hz, 2.0)
    _, response = scipy.signal.freqz_sos(_sections(params), worN=frequencies_hz, fs=SAMPLE_RATE_HZ)
    turns = np.unwrap(np.angle(response)) / (2.0 * np.pi)
    delay_samples = -np.diff(turns) / np.diff(frequencies_hz) * SAMPLE_RATE_HZ
    return math.ceil(np.max(np.abs(delay_samples - lag_samples(params))))


@functools.lru_cache(maxsize=64)
def _sections(params: LowpassParams) -> NDArray[np.float64]:
    """Design an IIR filter, shape (sections, 6), whose response is down by 3 dB at the cut-off."""
    order, ripple_db, stopband_db = params.order, params.ripple_db, params.stopband_db
    prototypes = {
        BUTTERWORTH: lambda: scipy.signal.buttap(order),
        CHEBYSHEV_1: lambda: scipy.signal.cheb1ap(order, ripple_db),
        CHEBYSHEV_2: lambda: scipy.signal.cheb2ap(order, stopband_db),
        ELLIPTIC: lambda: scipy.signal.ellipap(order, ripple_db, stopband_db),
    }
    names = {
        BUTTERWORTH: "butter",
        CHEBYSHEV_1: "cheby1",
        CHEBYSHEV_2: "cheby2",
        ELLIPTIC: "ellip",
    }
    edge_hz = params.cutoff_hz
    if params.family != BUTTERWORTH:
        # The bilinear transform bends frequencies: w = tan(pi f / fs).
        bent = np.tan(np.pi * params.cutoff_hz / SAMPLE_RATE_HZ)
        bent /= _half_power_frequency(*prototypes[params.family]())
        edge_hz = float(np.arctan(bent) * SAMPLE_RATE_HZ / np.pi)
    return scipy.signal.iirfilter(
        order,
        edge_hz,
        rp=ripple_db,
        rs=stopband_db,
        btype="lowpass",
        ftype=names[params.family],
        fs=SAMPLE_RATE_HZ,
        output="sos",
    )


def _half_power_frequency(
    zeros: NDArray[np.complex128], poles: NDArray[np.complex128], gain: float
) -> float:
    """Where an analogue prototype, whose edge is at 1 rad/s, is down by 3 dB."""

    def excess(w: float) -> float:
        _, response = scipy.signal.freqs_zpk(zeros, poles, gain, [w])
        return float(np.abs(response[0]) ** 2 - HALF_POWER)

    grid = np.geomspace(1e-3, 1e3, 4_001)
    power = np.abs(scipy.signal.freqs_zpk(zeros, poles, gain, grid)[1]) ** 2
    beyond = int(np.argmax(power < HALF_POWER))
    return float(scipy.optimize.brentq(excess, grid[beyond - 1], grid[beyond]))


@functools.lru_cache(maxsize=16)
def _taps(params: LowpassParams) -> NDArray[np.float64]:
    """Design a linear-phase FIR filter of odd length with a Kaiser window."""
    transition_hz = params.transition_hz
    assert transition_hz is not None  # every FIR filter has one
    n_taps, beta = scipy.signal.kaiserord(params.stopband_db, transition_hz / (SAMPLE_RATE_HZ / 2))
    window = ("kaiser", beta)
    halfway_hz = params.cutoff_hz
    taps = scipy.signal.firwin(n_taps | 1, halfway_hz, window=window, fs=SAMPLE_RATE_HZ)

    def excess(frequency_hz: float) -> float:
        _, response = scipy.signal.freqz(taps, worN=[frequency_hz], fs=SAMPLE_RATE_HZ)
        return float(np.abs(response[0]) ** 2 - HALF_POWER)

    # The window method is down by 6 dB at its edge; the 3 dB point moves with it.
    half_power_hz = scipy.optimize.brentq(excess, halfway_hz - transition_hz / 2, halfway_hz)
    halfway_hz += params.cutoff_hz - float(half_power_hz)
    return scipy.signal.firwin(n_taps | 1, halfway_hz, window=window, fs=SAMPLE_RATE_HZ)
