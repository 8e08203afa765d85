"""Slaney's mel filters, sparse: the triangles that turn a power spectrum into mel bands.

The scale is linear below 1 kHz and logarithmic above; every triangle has unit area in hertz. Both
follow Slaney's Auditory Toolbox [1]_, the variant that librosa uses by default.

References
----------
.. [1] M. Slaney, "Auditory Toolbox, version 2", Interval Research, TR 1998-010, 1998.
"""

from __future__ import annotations

import functools

import numpy as np
import scipy
from numpy.typing import NDArray

from musqa_pipeline.audio.constants import SAMPLE_RATE_HZ

LINEAR_HZ_PER_MEL = 200.0 / 3.0
LOG_FROM_HZ = 1_000.0
LOG_FROM_MEL = LOG_FROM_HZ / LINEAR_HZ_PER_MEL
LOG_STEP = np.log(6.4) / 27.0


def hz_to_mel(frequency_hz: NDArray[np.float64]) -> NDArray[np.float64]:
    """Convert hertz to mel on Slaney's scale; 1 kHz is 15 mel."""
    above = np.maximum(frequency_hz, LOG_FROM_HZ)
    return np.where(
        frequency_hz < LOG_FROM_HZ,
        frequency_hz / LINEAR_HZ_PER_MEL,
        LOG_FROM_MEL + np.log(above / LOG_FROM_HZ) / LOG_STEP,
    )


def mel_to_hz(mel: NDArray[np.float64]) -> NDArray[np.float64]:
    """Convert mel on Slaney's scale to hertz."""
    return np.where(
        mel < LOG_FROM_MEL,
        mel * LINEAR_HZ_PER_MEL,
        LOG_FROM_HZ * np.exp(LOG_STEP * (mel - LOG_FROM_MEL)),
    )


def mel_edges_hz(n_mels: int, top_hz: float = SAMPLE_RATE_HZ / 2) -> NDArray[np.float64]:
    """Return where bands between 0 Hz and `top_hz` begin, peak and end, shape (n_mels + 2,).

    Band i begins at element i, peaks at i + 1 and ends at i + 2.
    """
    return mel_to_hz(np.linspace(0.0, float(hz_to_mel(np.array(top_hz))), n_mels + 2))


@functools.cache
def mel_filters(
    sample_rate_hz: int, n_fft: int, n_mels: int, top_hz: float | None = None
) -> scipy.sparse.csr_array:
    """Build the filters from 0 Hz to `top_hz`, float32, shape (n_mels, n_fft // 2 + 1).

    Weights are in 1/Hz; each bin feeds at most two bands. The top is half the sample rate when left
    out.
    """
    nyquist_hz = sample_rate_hz / 2
    bins_hz = np.linspace(0.0, nyquist_hz, n_fft // 2 + 1)
    edges_hz = mel_edges_hz(n_mels, top_hz or nyquist_hz)
    width_hz = np.diff(edges_hz)
    rising = (bins_hz - edges_hz[:-2, None]) / width_hz[:-1, None]
    falling = (edges_hz[2:, None] - bins_hz) / width_hz[1:, None]
    triangles = np.maximum(0.0, np.minimum(rising, falling))
    unit_area = 2.0 / (edges_hz[2:] - edges_hz[:-2])
    return scipy.sparse.csr_array((triangles * unit_area[:, None]).astype(np.float32))
