"""Sources of sound: harmonic tones, sawtooths, damped modes and coloured noise.

Everything here is a pure function of its arguments and of the generator it is given. One note is
a float64 array of shape (samples,) at 48 kHz; phases are in radians. Partials that would lie above
`TOP_HZ` are left out, so that nothing aliases.
"""

from __future__ import annotations

import numpy as np
import scipy
from numpy.typing import ArrayLike, NDArray

from musqa_pipeline.audio.constants import SAMPLE_RATE_HZ

Signal = NDArray[np.float64]
_BLOCK_SAMPLES = 256
_SILENT_NEPER = -30.0
TOP_HZ = 21_500.0
"""Highest partial: above hearing, below the 24 kHz Nyquist frequency."""


def n_samples(duration_s: float) -> int:
    """Convert a duration to a number of samples, at least one."""
    return max(1, round(duration_s * SAMPLE_RATE_HZ))


def seconds(n: int) -> Signal:
    """Return the times of `n` samples."""
    return np.arange(n) / SAMPLE_RATE_HZ


def phase(frequency_hz: ArrayLike, n: int, start: float = 0.0) -> Signal:
    """Integrate a frequency to a phase."""
    step = np.broadcast_to(np.asarray(frequency_hz, dtype=np.float64), (n,))
    angle = np.cumsum(step) * (2 * np.pi / SAMPLE_RATE_HZ)
    return angle - angle[0] + start


def wandering(rng: np.random.Generator, n: int, rate_hz: float) -> Signal:
    """Draw a slow random curve, as of a hand or a breath that is never quite steady."""
    n_knots = int(n / SAMPLE_RATE_HZ * rate_hz) + 3
    knots = rng.standard_normal(n_knots)
    return np.interp(seconds(n) * rate_hz, np.arange(n_knots), knots)


def vibrato(
    rng: np.random.Generator, frequency_hz: float, n: int, *, cents: float, rate_hz: float = 5.5
) -> Signal:
    """Return a frequency that starts straight, then swings, and drifts a little all the time."""
    t = seconds(n)
    rate = rate_hz * rng.uniform(0.92, 1.08)
    depth = cents * np.clip((t - 0.12) / 0.3, 0.0, 1.0)
    swing = depth * np.sin(2 * np.pi * rate * t + rng.uniform(0, 2 * np.pi))
    return frequency_hz * np.exp2((swing + 3.0 * wandering(rng, n, 4.0)) / 1200)


def harmonic_tone(angle: Signal, amplitudes: ArrayLike) -> Signal:
    """Sum sines at whole multiples of a phase that may move as it likes.

    Notes
    -----
    Chebyshev's recursion sin((k+1)a) = 2 cos(a) sin(ka) - sin((k-1)a) costs one multiplication a
    harmonic instead of one sine.
    """
    step = float(np.max(np.diff(angle), initial=1e-9))
    top_hz = step * SAMPLE_RATE_HZ / (2 * np.pi)
    weights = np.asarray(amplitudes, dtype=np.float64)[: int(TOP_HZ / top_hz)]
    out = np.zeros(angle.size)
    twice_cosine = 2 * np.cos(angle)
    before, now = np.zeros(angle.size), np.sin(angle)
    for weight in weights:
        out += weight * now
        before, now = now, twice_cosine * now - before
    return out


def sawtooth(angle: Signal) -> Signal:
    """Return a sawtooth with little aliasing (differentiated parabola [1]_).

    References
    ----------
    .. [1] V. Välimäki, "Discrete-time synthesis of the sawtooth waveform with reduced aliasing",
       IEEE Signal Processing Letters 12(3), 2005.
    """
    cycles = angle / (2 * np.pi)
    ramp = 2 * (cycles - np.floor(cycles)) - 1
    step = np.diff(cycles, prepend=cycles[0] - 1e-9)
    step[0] = step[min(1, step.size - 1)]
    parabola = ramp**2
    out = np.diff(parabola, prepend=parabola[0]) / (4 * np.maximum(step, 1e-9))
    return np.clip(out, -1.2, 1.2)


def damped_modes(
    n: int, frequencies_hz: ArrayLike, amplitudes: ArrayLike, decays_s: ArrayLike
) -> Signal:
    """Sum sines that die exponentially: strings, bars, bells, membranes.

    Notes
    -----
    A damped sine is exp(s t) with complex s; with t = block + offset it is a product, so that the
    sum over modes is one matrix product and costs two transcendental functions a block and mode.
    """
    modes = np.broadcast_arrays(frequencies_hz, amplitudes, decays_s)
    frequency, amplitude, decay = (np.atleast_1d(m).astype(np.float64) for m in modes)
    audible = frequency < TOP_HZ
    s = (-1 / decay[audible] + 2j * np.pi * frequency[audible]) / SAMPLE_RATE_HZ
    exponents = np.outer(np.arange(0, n, _BLOCK_SAMPLES), s)
    blocks = np.exp(exponents) * amplitude[audible]
    blocks[exponents.real < _SILENT_NEPER] = 0  # denormal numbers would cost a hundredfold
    offsets = np.exp(np.outer(s, np.arange(_BLOCK_SAMPLES)))
    imaginary = blocks.imag @ offsets.real + blocks.real @ offsets.imag
    return imaginary.ravel()[:n]


def coloured_noise(rng: np.random.Generator, n: int, slope_db_per_octave: float = 0.0) -> Signal:
    """Draw noise whose spectrum falls (or rises) steadily."""
    white = rng.standard_normal(n)
    if slope_db_per_octave == 0 or n < 4:
        return white
    size = scipy.fft.next_fast_len(n, real=True)
    spectrum = scipy.fft.rfft(white, size)
    frequency = np.maximum(np.arange(spectrum.size) * (SAMPLE_RATE_HZ / size), 20.0)
    spectrum *= frequency ** (slope_db_per_octave / 6.0206)
    spectrum[0] = 0
    shaped = scipy.fft.irfft(spectrum, size)[:n]
    return shaped / (np.sqrt(np.mean(shaped**2)) + 1e-12)
