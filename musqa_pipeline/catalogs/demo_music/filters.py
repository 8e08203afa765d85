"""Filters and envelopes that shape a source: what a body, a mouth or a knob does to it."""

from __future__ import annotations

import functools

import numpy as np
import scipy
from numpy.typing import NDArray

from musqa_pipeline.audio.constants import SAMPLE_RATE_HZ
from musqa_pipeline.catalogs.demo_music.oscillators import Signal, n_samples

_BLOCK_SAMPLES = 192


def _butterworth(x: Signal, kind: str, order: int, edges_hz: float | tuple[float, float]) -> Signal:
    if order == 1 and kind != "band":
        # Designed by hand (bilinear transform): a note's own cut-off comes once and is not cached.
        warped = np.tan(np.pi * float(edges_hz) / SAMPLE_RATE_HZ)  # type: ignore[arg-type]
        pole = (warped - 1) / (warped + 1)
        gain = warped / (warped + 1) if kind == "low" else 1 / (warped + 1)
        sign = 1.0 if kind == "low" else -1.0
        return scipy.signal.lfilter(np.array([gain, sign * gain]), np.array([1.0, pole]), x)
    return scipy.signal.sosfilt(_sections(kind, order, edges_hz), x)


@functools.lru_cache(maxsize=512)
def _sections(kind: str, order: int, edges_hz: float | tuple[float, float]) -> NDArray[np.float64]:
    return scipy.signal.butter(order, edges_hz, kind, fs=SAMPLE_RATE_HZ, output="sos")


@functools.lru_cache(maxsize=512)
def _peak(centre_hz: float, quality: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    return scipy.signal.iirpeak(centre_hz, quality, fs=SAMPLE_RATE_HZ)


def low_pass(x: Signal, cutoff_hz: float, order: int = 2) -> Signal:
    """Filter with a causal Butterworth low-pass along the last axis."""
    return _butterworth(x, "low", order, min(cutoff_hz, 23_000.0))


def high_pass(x: Signal, cutoff_hz: float, order: int = 2) -> Signal:
    """Filter with a causal Butterworth high-pass along the last axis."""
    return _butterworth(x, "high", order, cutoff_hz)


def band_pass(x: Signal, low_hz: float, high_hz: float, order: int = 1) -> Signal:
    """Filter with a causal Butterworth band-pass along the last axis."""
    return _butterworth(x, "band", order, (low_hz, min(high_hz, 23_000.0)))


def resonances(
    x: Signal, centres_hz: tuple[float, ...], gains: tuple[float, ...], quality: float
) -> Signal:
    """Sum parallel resonances: the body of an instrument, or the formants of a vowel."""
    out = np.zeros_like(x)
    for centre, gain in zip(centres_hz, gains, strict=True):
        b, a = _peak(centre, quality)
        out += gain * scipy.signal.lfilter(b, a, x)
    return out


def swept_low_pass(x: Signal, cutoff_hz: Signal, quality: float = 0.8) -> Signal:
    """Filter with a resonant low-pass whose cut-off moves [1]_.

    References
    ----------
    .. [1] R. Bristow-Johnson, "Cookbook formulae for audio EQ biquad filter coefficients".
    """
    out = np.empty_like(x)
    state = np.zeros(2)
    omega = 2 * np.pi * np.clip(cutoff_hz[::_BLOCK_SAMPLES], 20, 20_000) / SAMPLE_RATE_HZ
    alpha, cosine = np.sin(omega) / (2 * quality), np.cos(omega)
    b1 = (1 - cosine) / (1 + alpha)
    a1, a2 = -2 * cosine / (1 + alpha), (1 - alpha) / (1 + alpha)
    for i in range(omega.size):
        part = slice(i * _BLOCK_SAMPLES, (i + 1) * _BLOCK_SAMPLES)
        numerator = np.array([b1[i] / 2, b1[i], b1[i] / 2])
        denominator = np.array([1.0, a1[i], a2[i]])
        out[part], state = scipy.signal.lfilter(numerator, denominator, x[part], zi=state)
    return out


def fade(x: Signal, attack_s: float, release_s: float) -> Signal:
    """Raise a note smoothly from zero and let it fall to zero again."""
    out = np.array(x, dtype=np.float64)
    rise = min(n_samples(attack_s), out.shape[-1])
    fall = min(n_samples(release_s), out.shape[-1])
    out[..., :rise] *= 0.5 - 0.5 * np.cos(np.pi * np.arange(rise) / rise)
    out[..., out.shape[-1] - fall :] *= 0.5 + 0.5 * np.cos(np.pi * np.arange(1, fall + 1) / fall)
    return out


def decay(n: int, time_s: float) -> Signal:
    """Return an exponential decay."""
    return np.exp(-np.arange(n) / (time_s * SAMPLE_RATE_HZ))


def saturate(x: NDArray[np.float64], drive: float) -> NDArray[np.float64]:
    """Bend a signal softly, as tubes and tape do."""
    return np.tanh(drive * x)
