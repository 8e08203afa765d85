"""Delay between the signals of a pair, found as ViSQOL finds it but on a coarser grid.

The lag with the largest cross-correlation of the envelopes, here means of the magnitude over a
millisecond: in frames of 80 ms a finer lag makes no difference.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

STEP_SAMPLES = 48
"""Resolution of a lag: 1 ms. Finer ones cost more than the spectrograms: 2.6 ms for 16 samples, 0.9
for 48 (a pair of 10 s)."""
_MEAN = np.full(STEP_SAMPLES, 1.0 / STEP_SAMPLES, np.float32)


def find_lag_samples(reference: NDArray[np.float32], degraded: NDArray[np.float32]) -> int:
    """Find by how much a degraded signal is late; signals are at 48 kHz, their lengths may differ.

    It is a multiple of `STEP_SAMPLES`, positive if `degraded` is late; 0 if it would be more than
    half of the reference's length, as in ViSQOL.
    """
    first, second = _envelope(reference), _envelope(degraded)
    n_fft = 1 << (len(first) + len(second)).bit_length()
    spectra = np.fft.rfft(second, n_fft) * np.fft.rfft(first, n_fft).conj()
    steps = int(np.fft.irfft(spectra, n_fft).argmax())
    if steps > len(second):
        steps -= n_fft
    return 0 if 2 * abs(steps) > len(first) else steps * STEP_SAMPLES


def cut_to_common(
    reference: NDArray[np.float32], degraded: NDArray[np.float32], lag_samples: int
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Cut both signals to the time that they share, which may be none."""
    reference, degraded = reference[max(0, -lag_samples) :], degraded[max(0, lag_samples) :]
    n_samples = min(len(reference), len(degraded))
    return reference[:n_samples], degraded[:n_samples]


def _envelope(samples: NDArray[np.float32]) -> NDArray[np.float64]:
    whole = len(samples) // STEP_SAMPLES * STEP_SAMPLES
    # A product is a mean at a quarter of its cost.
    means = np.abs(samples[:whole]).reshape(-1, STEP_SAMPLES) @ _MEAN
    return means.astype(np.float64)
