"""Energies of gammatone-filtered frames, without filtering.

ViSQOL filters each Hann-windowed frame x of 80 ms from rest with each band's response h and keeps
the energy of the first N samples of the output, as long as the frame. With r the autocorrelations,

    sum over n >= 0 of (h * x)[n]^2  =  sum over |k| < N of r_x[k] r_h[k]
                                     =  1/M sum over m of |X[m]|^2 G[m],

where M >= 2N, so that the frame's spectrum X of length M holds all of r_x, and G is the transform
of r_h cut to |k| < N. That is one real FFT a frame and one product with a matrix of 32 columns.

What the filter rings on after the frame's end is taken off again: it hangs on the filter's eight
states at the end, so it is a sum of squares of eight linear functionals of the frame. Those of high
bands see the last few hundred samples only. Those of low bands are narrow in frequency, and as X
belongs to a frame that ends in M - N zeros they may be continued there at will: a few dozen bins of
X give them to 13 digits.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass, replace
from typing import Any

import numba
import numpy as np
import scipy.linalg
import scipy.signal
from numpy.typing import NDArray

from musqa_pipeline.audio.features.gammatone import GammatoneBank, design_gammatone
from musqa_pipeline.audio.metrics.visqol import fft
from musqa_pipeline.audio.metrics.visqol.fft import DType

N_BANDS = 32
WINDOW_S, HOP_S = 0.08, 0.02
FRAMES_AT_ONCE = 32
"""Buffers of this many frames stay in the cache, and a product's rows all take the same path
through BLAS: equal frames give equal energies wherever they stand."""
N_STATES = 8
LOW_BIN_GROUPS = ((0, 8), (8, 14))
"""Bands whose tails are taken from bins of the spectrum, in groups that share a product."""
BINS_AROUND = 95
"""Bins around a group's centres that give its tails to 2e-13."""
SAMPLE_GROUPS = ((14, 18), (18, 23), (23, 32))
"""Bands whose tails are taken from a frame's last samples; below 4e-5 of the band's energy."""
TAIL_FLOOR = 1e-13
"""Where a tail functional has this norm left it is cut; bands have unit gain."""


@dataclass(frozen=True)
class Tails:
    """Linear functionals whose sum of squares, band by band, rings on after the frame."""

    matrix: NDArray[Any]
    """Shape (inputs, functionals), those of a band side by side."""
    first_input: int
    """First of the bins, or of the frame's samples, that go in."""
    first_band: int

    def rounded(self, dtype: DType) -> Tails:
        """Return the same in another precision."""
        return replace(self, matrix=self.matrix.astype(dtype))


@dataclass(frozen=True)
class EnergyBank:
    """What turns frames into energies of bands; from `energy_bank`."""

    frame_samples: int
    hop_samples: int
    fft_samples: int
    """Length of a frame with the zeros behind it: M, a length that transforms fast."""
    window: NDArray[np.float64]
    """Shape (frame_samples,): Hann, both ends zero."""
    weights: NDArray[Any]
    """Shape (fft_samples // 2 + 1, 32): |X|^2 times this is the energy of the whole response."""
    bin_tails: tuple[Tails, ...]
    """Of real and imaginary part of bins in turn."""
    sample_tails: tuple[Tails, ...]
    """Of the last samples of a windowed frame."""

    def frame_starts(self, n_samples: int) -> NDArray[np.int64]:
        """Return where the frames of a signal start, of shape (frames,)."""
        n_frames = 1 + (n_samples - self.frame_samples) // self.hop_samples
        return np.arange(max(n_frames, 0), dtype=np.int64) * self.hop_samples

    def rms(self, samples: NDArray[np.float64], starts: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return the RMS of each band, low to high, of each frame: shape (32, frames).

        It is as if each windowed frame were filtered from rest. Frames start at `starts`, which lie
        within the signal.
        """
        n = self.frame_samples
        rms = np.empty((N_BANDS, len(starts)))
        transform = fft.forward(FRAMES_AT_ONCE, self.fft_samples)
        dtype = self.weights.dtype  # powers and tails are summed in it
        power = np.empty((FRAMES_AT_ONCE, self.fft_samples // 2 + 1), dtype)
        for first in range(0, len(starts), FRAMES_AT_ONCE):
            some = starts[first : first + FRAMES_AT_ONCE]
            _cut_frames(samples, some, self.window, transform.input)
            spectra = transform.run()
            _to_power(spectra, power)
            energies = np.asarray(power @ self.weights, np.float64)
            for tails in self.bin_tails:
                n_bins = len(tails.matrix) // 2
                bins = spectra[:, tails.first_input : tails.first_input + n_bins]
                flat = np.ascontiguousarray(bins).view(np.float64).astype(dtype, copy=False)
                _take_off(energies, flat @ tails.matrix, tails.first_band)
            last = transform.input[:, self.sample_tails[0].first_input : n].astype(
                dtype, copy=False
            )
            for tails in self.sample_tails:
                inputs = last[:, -len(tails.matrix) :]
                _take_off(energies, inputs @ tails.matrix, tails.first_band)
            rms[:, first : first + len(some)] = np.sqrt(np.maximum(energies[: len(some)].T, 0.0))
        return rms


@functools.cache
def energy_bank(sample_rate_hz: int, dtype: DType = "float64") -> EnergyBank:
    """Design the bank of a sample rate, once per process; it takes about a second.

    ViSQOL's audio mode is made for 48,000 Hz. Powers and tails are summed in the precision `dtype`.
    """
    if dtype != "float64":
        exact = energy_bank(sample_rate_hz)
        return replace(
            exact,
            weights=exact.weights.astype(dtype),
            bin_tails=tuple(tails.rounded(dtype) for tails in exact.bin_tails),
            sample_tails=tuple(tails.rounded(dtype) for tails in exact.sample_tails),
        )
    gammatone = design_gammatone(sample_rate_hz, n_bands=N_BANDS)
    n = round(sample_rate_hz * WINDOW_S)
    window = scipy.signal.windows.hann(n, sym=True)
    responses = _impulse_responses(gammatone, 8 * n)
    scale = 1.0 / np.sqrt(n)  # energies are mean squares over the frame
    tails = [_tail_functionals(response, n) * scale for response in responses]
    # 8,000 at 48 kHz: in both libraries no slower than 7,680, in FFTW a fifth faster.
    m = 2 * fft.fast_length(25 * n // 24)
    center_bins = (gammatone.center_hz / sample_rate_hz * m).astype(int)
    return EnergyBank(
        frame_samples=n,
        hop_samples=round(sample_rate_hz * HOP_S),
        fft_samples=m,
        window=window,
        weights=_parseval_weights(responses, n, m) / n,
        bin_tails=tuple(
            _from_bins(
                np.concatenate(tails[a:b]),
                window,
                max(0, int(center_bins[a]) - BINS_AROUND),
                int(center_bins[b - 1]) + BINS_AROUND,
                m,
                a,
            )
            for a, b in LOW_BIN_GROUPS
        ),
        sample_tails=tuple(
            _from_last_samples(np.concatenate(tails[a:b]), window, a) for a, b in SAMPLE_GROUPS
        ),
    )


def _impulse_responses(gammatone: GammatoneBank, n_samples: int) -> NDArray[np.float64]:
    """Shape (32, samples); the lowest band has fallen to 1e-47 after eight frames."""
    responses = np.zeros((N_BANDS, n_samples))
    responses[:, 0] = 1.0
    for band, denominator in enumerate(gammatone.denominators):
        for numerator in gammatone.numerators[:, band]:
            responses[band] = scipy.signal.lfilter(
                numerator, np.concatenate(([1.0], denominator)), responses[band]
            )
    return responses


def _parseval_weights(responses: NDArray[np.float64], n: int, m: int) -> NDArray[np.float64]:
    """Transform the autocorrelation of each response, cut to lags below `n`.

    1/M and the spectrum's other half are included.
    """
    spectra = np.fft.rfft(responses, n=2 * responses.shape[1])
    correlations = np.fft.irfft(np.abs(spectra) ** 2)[:, :n]
    circular = np.zeros((N_BANDS, m))
    circular[:, :n] = correlations
    circular[:, m - n + 1 :] = correlations[:, :0:-1]
    weights = np.fft.rfft(circular).real / m
    weights[:, 1:-1] *= 2.0
    return np.ascontiguousarray(weights.T)


def _tail_functionals(response: NDArray[np.float64], n: int) -> NDArray[np.float64]:
    """Find the functionals of a windowed frame whose squares sum to the energy after its end.

    What comes i samples after the end is sum over k of h[i + 1 + k] x[N - 1 - k]: rows of a Hankel
    matrix, of rank 8. A few rows span them all; the whole column length then goes into an 8 x 8
    factor.
    """
    shifted = np.concatenate((response[1:], np.zeros(n)))
    rows = np.lib.stride_tricks.sliding_window_view(shifted, n)
    # Uneven steps: even ones would alias with a band's own frequency.
    some = rows[np.unique(np.geomspace(1, n, 48).astype(int)) - 1]
    span = np.linalg.svd(some, full_matrices=False)[2][:N_STATES]
    onto_span = [scipy.signal.fftconvolve(shifted, v[::-1], mode="valid") for v in span]
    _, strengths, turn = np.linalg.svd(np.stack(onto_span, axis=1), full_matrices=False)
    functionals: NDArray[np.float64] = ((strengths[:, None] * turn) @ span)[:, ::-1]
    return functionals


def _from_bins(
    tails: NDArray[np.float64],
    window: NDArray[np.float64],
    first_bin: int,
    end_bin: int,
    m: int,
    first_band: int,
) -> Tails:
    """Express functionals of a windowed frame by bins of its zero-padded spectrum."""
    n, n_bins = len(window), end_bin - first_bin
    phases = 2.0 * np.pi / m * np.outer(np.arange(n), np.arange(first_bin, end_bin))
    basis = np.stack((np.cos(phases), -np.sin(phases)), axis=2).reshape(n, 2 * n_bins)
    wanted = tails.T * window[:, None]
    matrix, *_ = scipy.linalg.lstsq(basis * window[:, None], wanted, cond=1e-15)
    return Tails(np.ascontiguousarray(matrix), first_bin, first_band)


def _from_last_samples(
    tails: NDArray[np.float64], window: NDArray[np.float64], first_band: int
) -> Tails:
    """Keep the last samples, as many as matter."""
    norms = np.sqrt(np.cumsum(np.square(tails * window).sum(axis=0)))
    first = int(np.searchsorted(norms, TAIL_FLOOR / np.sqrt(len(window))))
    return Tails(np.ascontiguousarray(tails[:, first:].T), first, first_band)


@numba.njit(cache=True, error_model="numpy")
def _cut_frames(
    samples: NDArray[np.float64],
    starts: NDArray[np.int64],
    window: NDArray[np.float64],
    padded: NDArray[np.float64],
) -> None:
    """Write windowed frames before the zeros of `padded`, and zeros where frames run out."""
    n = len(window)
    for row in range(padded.shape[0]):
        if row < len(starts):
            start = starts[row]
            for i in range(n):
                padded[row, i] = samples[start + i] * window[i]
        else:
            padded[row, :n] = 0.0


@numba.njit(cache=True, error_model="numpy")
def _to_power(spectra: NDArray[np.complex128], power: NDArray[Any]) -> None:
    for row in range(power.shape[0]):
        for i in range(power.shape[1]):
            value = spectra[row, i]
            power[row, i] = value.real * value.real + value.imag * value.imag


@numba.njit(cache=True, error_model="numpy")
def _take_off(energies: NDArray[np.float64], functionals: NDArray[Any], first_band: int) -> None:
    """Subtract the squares of eight functionals a band."""
    n_bands = functionals.shape[1] // N_STATES
    for row in range(energies.shape[0]):
        for band in range(n_bands):
            total = 0.0
            for state in range(N_STATES):
                value = float(functionals[row, band * N_STATES + state])
                total += value * value
            energies[row, first_band + band] -= total
