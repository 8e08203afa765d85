"""The low-pass filter of paper 001, table II, as a degradation.

A causal Butterworth filter of fourth order. Run forwards and backwards it would be of eighth
order; so its lag is dropped instead, like a codec's, to the nearest sample.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.signal import butter, freqz_sos, sosfilt

from musqa_pipeline.audio import SAMPLE_RATE_HZ
from musqa_pipeline.degradations.applied import Applied, stored_as_flac

ORDER = 4


@dataclass(frozen=True)
class LowpassParams:
    """Parameters of the low-pass."""

    cutoff_hz: float
    """Where the filter is down by 3 dB, in hertz."""


class Lowpass:
    """Causal fourth-order Butterworth low-pass."""

    name = "lowpass"

    def draw(self, rng: np.random.Generator) -> LowpassParams:
        """Draw a cut-off between 2.5 and 20 kHz, uniform on a logarithmic scale."""
        return LowpassParams(cutoff_hz=round(2_500.0 * 8.0 ** rng.random(), 1))

    def apply(self, x: NDArray[np.float32], params: LowpassParams) -> Applied:
        """Filter a signal and store it as 24-bit FLAC."""
        y = sosfilt(_sections(params.cutoff_hz), np.asarray(x, np.float64))
        return stored_as_flac(y, delay_samples=lag_samples(params.cutoff_hz))


@functools.cache
def lag_samples(cutoff_hz: float) -> int:
    """Whole samples by which the filter delays music.

    Parameters
    ----------
    cutoff_hz : float
        Cut-off in hertz.

    Returns
    -------
    int
        Where the cross-correlation with the input peaks if the input's spectrum falls by 3 dB an
        octave, as that of music does: 6, 4, 3, 2 for the cut-offs of table II.
    """
    frequencies_hz, response = freqz_sos(
        _sections(cutoff_hz), worN=np.arange(SAMPLE_RATE_HZ // 2 + 1), fs=SAMPLE_RATE_HZ
    )
    power = np.where(frequencies_hz < 20, 0.0, 1.0 / np.maximum(frequencies_hz, 20))
    return int(np.argmax(np.fft.irfft(power * response)[: SAMPLE_RATE_HZ // 100]))


@functools.cache
def _sections(cutoff_hz: float) -> NDArray[np.float64]:
    return butter(ORDER, cutoff_hz, fs=SAMPLE_RATE_HZ, output="sos")
