"""An acoustic fingerprint that survives gain, equalisation, re-encoding and a shift in time.

After Haitsma and Kalker [1]_: the signs of how the energy difference of neighbouring bands changes
from frame to frame. A constant gain or filter drops out of it, and the bands (200 Hz-2.4 kHz) lie
where codecs and low-passes leave the music alone. Two fingerprints are compared at every shift by
cross-correlation of their signs.

References
----------
.. [1] J. Haitsma, T. Kalker: A highly robust audio fingerprinting system. Proc. ISMIR 2002.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import scipy
import soxr
from numpy.typing import NDArray

RATE_HZ = 6_000
WINDOW_SAMPLES = 2_048
"""0.34 s at 6 kHz: long against the hop, so that frames that lie between still agree."""
HOP_SAMPLES = 128
HOP_S = HOP_SAMPLES / RATE_HZ
N_SIGNS = 32
LOW_HZ, HIGH_HZ = 200.0, 2_400.0
_BLOCK = 64


@dataclass(frozen=True)
class Match:
    """How alike two signals are at their best shift."""

    first: int
    """Position in the first list."""
    second: int
    """Position in the second list."""
    similarity: float
    """Mean product of signs over the overlap: 1 for the same, about 0 for strangers."""
    offset_s: float
    """What is heard at t in the first is heard at t + offset_s in the second."""


def fingerprint(samples: NDArray[np.float32], sample_rate_hz: int) -> NDArray[np.int8]:
    """Compute the fingerprint of a mono signal at any level, of at least 6,000 Hz.

    Returns
    -------
    ndarray of int8, shape (frames, 32)
        -1, 0 (digital silence) or 1, every 21 ms.

    Raises
    ------
    ValueError
        If the signal is shorter than two windows or its rate is too low.
    """
    if sample_rate_hz < RATE_HZ or len(samples) < 2 * WINDOW_SAMPLES * sample_rate_hz / RATE_HZ:
        raise ValueError(
            f"samples={len(samples)}, sample_rate_hz={sample_rate_hz}: expected at least 0.7 s at "
            f"{RATE_HZ} Hz or more; leave shorter signals out"
        )
    low = soxr.resample(samples, sample_rate_hz, RATE_HZ, quality="MQ")
    frames = np.lib.stride_tricks.sliding_window_view(low, WINDOW_SAMPLES)[::HOP_SAMPLES]
    window = np.hanning(WINDOW_SAMPLES).astype(np.float32)
    power = np.abs(scipy.fft.rfft(frames * window, axis=1)) ** 2
    edges = np.geomspace(LOW_HZ, HIGH_HZ, N_SIGNS + 2) * WINDOW_SAMPLES / RATE_HZ
    starts = np.round(edges).astype(int)
    bands = np.log(np.add.reduceat(power, starts, axis=1)[:, :-1] + 1e-12)
    return np.sign(np.diff(np.diff(bands, axis=1), axis=0)).astype(np.int8)


def best_matches(
    first: Sequence[NDArray[np.int8]],
    second: Sequence[NDArray[np.int8]],
    *,
    least_similarity: float,
    least_overlap_s: float,
) -> Iterator[Match]:
    """Find the pairs that are alike at some shift.

    Parameters
    ----------
    first, second : sequence of ndarray of int8, shape (frames, 32)
        Fingerprints; lengths may differ.
    least_similarity : float
        Pairs below this are not given.
    least_overlap_s : float
        Shifts that leave less than this in common are not looked at, in seconds.

    Yields
    ------
    Match
        Of a pair with one of each list, at its best shift.
    """
    least_frames = round(least_overlap_s / HOP_S)
    for i, j in itertools.product(range(0, len(first), _BLOCK), range(0, len(second), _BLOCK)):
        for match in _match_blocks(first[i : i + _BLOCK], second[j : j + _BLOCK], least_frames):
            if match.similarity >= least_similarity:
                yield replace(match, first=match.first + i, second=match.second + j)


def _match_blocks(
    first: Sequence[NDArray[np.int8]], second: Sequence[NDArray[np.int8]], least_frames: int
) -> Iterator[Match]:
    """Give every pair of two small lists at its best shift."""
    n = scipy.fft.next_fast_len(max(map(len, first)) + max(map(len, second)), real=True)
    # One small matrix product for each frequency: (first, signs) times (signs, second).
    cross = _spectra(first, n).conj() @ _spectra(second, n).transpose(0, 2, 1)
    shifts = scipy.fft.fftfreq(n, 1 / n).round().astype(int)
    for i, a in enumerate(first):
        sums = scipy.fft.irfft(cross[:, i], n, axis=0).T
        for j, b in enumerate(second):
            overlap = np.minimum(len(a), len(b) - shifts) - np.maximum(0, -shifts)
            similarity = sums[j] / (N_SIGNS * np.maximum(overlap, 1))
            similarity[overlap < max(1, least_frames)] = -1.0
            best = int(similarity.argmax())
            yield Match(i, j, float(similarity[best]), float(shifts[best] * HOP_S))


def _spectra(signs: Sequence[NDArray[np.int8]], n: int) -> NDArray[np.complex64]:
    """Transform fingerprints over time, padded to n frames; shape (frequencies, list, signs)."""
    padded = np.zeros((len(signs), n, N_SIGNS), dtype=np.float32)
    for row, values in zip(padded, signs, strict=True):
        row[: len(values)] = values
    return np.ascontiguousarray(scipy.fft.rfft(padded, axis=1).transpose(1, 0, 2))
