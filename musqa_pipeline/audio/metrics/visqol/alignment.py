"""Delay between two signals: the lag with the largest cross-correlation of their envelopes.

ViSQOL correlates "upper envelopes". In Google's C++ the inverse transform behind the envelope
returns a real signal, so that it amounts to |2 (x - mean)| + mean and needs no transform at all.
"""

from __future__ import annotations

from typing import Any, TypeVar

import numba
import numpy as np
from numpy.typing import NDArray

from musqa_pipeline.audio.metrics.visqol import fft

SampleT = TypeVar("SampleT", bound=np.floating[Any])
MAX_CANDIDATES = 64
"""More lags than this to check one by one, and the whole correlation is computed with padding."""
ROUNDING = 1e-5
"""Relative error of a float32 correlation that is allowed for; it is below 1e-6."""


@numba.njit(cache=True, error_model="numpy")
def _write_envelope(samples: NDArray[np.float64], out: NDArray[np.float64]) -> float:
    """Write ViSQOL's upper envelope of a signal, and zeros behind it; return the signal's mean.

    The envelope is never below the mean, nor below 0 if that is positive.
    """
    n = len(samples)
    mean = samples.mean() if n else 0.0
    for i in range(n):
        out[i] = abs(2.0 * (samples[i] - mean)) + mean
    out[n:] = 0.0
    return float(mean)


class EnvelopeBank:
    """Envelopes of slices of a reference, with their transforms, to align degraded slices to.

    Slices may be longer or shorter than those that are compared with them; `n_samples` is the
    length of the longest on either side.
    """

    def __init__(self, slices: list[NDArray[np.float64]], n_samples: int) -> None:
        self.n_samples = n_samples
        self.n_fft = fft.fast_length(n_samples)
        self._lengths = [len(piece) for piece in slices]
        self._envelopes = np.empty((len(slices), n_samples))
        self._means = [
            _write_envelope(piece, row) for piece, row in zip(slices, self._envelopes, strict=True)
        ]
        transform = fft.forward(len(slices), self.n_fft, "float32")
        transform.input[:, :n_samples] = self._envelopes
        transform.input[:, n_samples:] = 0.0
        self._spectra = transform.run().copy()
        self._degraded = np.empty_like(self._envelopes)
        self._highest = self._envelopes.max(axis=1).tolist()

    def leads(self, degraded: list[NDArray[np.float64]]) -> list[int]:
        """Return by how many samples each degraded slice is early.

        For each of the first slices of the reference there is one, at most `n_samples` long; an
        empty one has no lead. It is the lag of the largest correlation, the lowest of equal ones; 0
        where it is more than half the reference's length, as ViSQOL has it.

        Notes
        -----
        Lags are sought in a circular correlation in float32, which costs a quarter of a padded
        one in float64. Its values are sums of two linear ones, both hardly below zero as envelopes
        are not. So no lag can win whose circular value is lower than the best linear one; the few
        others are computed from the envelopes themselves.
        """
        forward = fft.forward(len(self._lengths), self.n_fft, "float32")
        forward.input[len(degraded) :] = 0.0
        forward.input[:, self.n_samples :] = 0.0
        means = [_write_envelope(piece, self._degraded[i]) for i, piece in enumerate(degraded)]
        forward.input[: len(degraded), : self.n_samples] = self._degraded[: len(degraded)]
        backward = fft.backward(len(self._lengths), self.n_fft, "float32")
        _conjugate_product(self._spectra, forward.run(), backward.input)
        circular = backward.run()
        found = []
        for row in range(len(degraded)):
            lead = 0
            if circular[row].any():
                slack = self._slack(row, means[row], self._degraded[row])
                lead = _highest_linear(
                    circular[row], self._envelopes[row], self._degraded[row], slack
                )
            found.append(0 if abs(lead) > self._lengths[row] / 2.0 else lead)
        return found

    def _slack(self, row: int, mean: float, envelope: NDArray[np.float64]) -> float:
        """How far below zero a linear correlation of these envelopes can be."""
        low, low_reference = max(0.0, -mean), max(0.0, -self._means[row])
        if not (low or low_reference):
            return 0.0
        return self.n_samples * (low * self._highest[row] + low_reference * float(envelope.max()))


def _highest_linear(
    circular: NDArray[np.float32],
    reference: NDArray[np.float64],
    degraded: NDArray[np.float64],
    slack: float,
) -> int:
    """Find the lag of the largest linear correlation from circular ones."""
    n_fft = len(circular)
    peak = int(np.argmax(circular))
    allowance = slack + ROUNDING * float(circular[peak])
    candidates = _above(circular, float(circular[peak]) - allowance)
    if candidates == [0]:
        return 0
    best = max(_linear(reference, degraded, lag) for lag in (peak, peak - n_fft))
    candidates = _above(circular, best - allowance)
    if len(candidates) > MAX_CANDIDATES:
        return _padded_peak(reference, degraded)
    lags = sorted({lag for c in candidates for lag in (c, c - n_fft)})
    values = [_linear(reference, degraded, lag) for lag in lags]
    return lags[int(np.argmax(values))]


def _above(circular: NDArray[np.float32], limit: float) -> list[int]:
    found: list[int] = np.flatnonzero(circular >= limit).tolist()
    return found


def _linear(reference: NDArray[np.float64], degraded: NDArray[np.float64], lag: int) -> float:
    """Return sum over j of reference[j + lag] degraded[j]; -inf beyond the signals."""
    n_samples = len(reference)
    if abs(lag) >= n_samples:
        return -np.inf
    if lag >= 0:
        return float(reference[lag:n_samples] @ degraded[: n_samples - lag])
    return float(reference[: n_samples + lag] @ degraded[-lag:n_samples])


def _padded_peak(reference: NDArray[np.float64], degraded: NDArray[np.float64]) -> int:
    """Search all lags in the correlation with padding."""
    n_samples = len(reference)
    n_fft = fft.fast_length(2 * n_samples - 1)
    spectra = []
    for envelope in (reference, degraded):
        transform = fft.forward(1, n_fft)
        transform.input[0, :n_samples] = envelope[:n_samples]
        transform.input[0, n_samples:] = 0.0
        spectra.append(transform.run().copy())
    backward = fft.backward(1, n_fft)
    _conjugate_product(spectra[0], spectra[1], backward.input)
    linear = backward.run()[0]
    ordered = np.concatenate((linear[n_fft - n_samples + 1 :], linear[:n_samples]))
    return int(np.argmax(ordered)) - (n_samples - 1)


@numba.njit(cache=True, error_model="numpy")
def _conjugate_product(first: NDArray[Any], second: NDArray[Any], out: NDArray[Any]) -> None:
    for row in range(out.shape[0]):
        for i in range(out.shape[1]):
            out[row, i] = first[row, i] * second[row, i].conjugate()


def undelayed(degraded: NDArray[SampleT], lag_samples: int) -> NDArray[SampleT]:
    """Undo a delay as ViSQOL does: cut the front if late (above 0), put zeros before if early."""
    if lag_samples >= 0:
        return degraded[lag_samples:]
    return np.concatenate((np.zeros(-lag_samples, degraded.dtype), degraded))
