"""Is it speech? A small logistic model over what is known to tell speech from music.

The features lie between 100 and 3,800 Hz, so that bandwidth does not matter.
Syllables come three to eight a second (T. Houtgast and H. J. M. Steeneken, J. Acoust. Soc. Am.
77(3), 1985, doi:10.1121/1.392224); between them are short silences, more frames are quiet than in
music, and hissed sounds take turns with voiced ones (E. Scheirer and M. Slaney, ICASSP 1997,
doi:10.1109/ICASSP.1997.596192); and the pitch of a speaking voice glides, where a sung or played
one stays on its note. Each is expressed as its distance from the mean of speech in spreads of
speech, z; the model weighs z and its square, so that both too little and too much speak against
speech. `benchmarks/fit_speech.py` fits it.
"""

from __future__ import annotations

import functools
import math

import numpy as np
import soxr
from numpy.typing import NDArray
from scipy.fft import irfft, rfft

from musqa_pipeline.scoring.speech_model import BIAS, MODEL

RATE_HZ = 8_000
FRAME, HOP = 256, 80
"""Samples: 32 ms, every 10 ms."""
LONG_FRAME, LONG_HOP = 512, 160
LOW_HZ, HIGH_HZ = 100.0, 3_800.0
ENVELOPE_BANDS_HZ = ((200, 600), (600, 1_200), (1_200, 2_400), (2_400, 3_800))
MODULATION_HZ = ((0.5, 2.0), (2.0, 3.0), (3.0, 8.0), (8.0, 16.0), (16.0, 30.0))
PITCH_HZ = (65.0, 420.0)
VOICED = 0.6
"""Normalised autocorrelation at the pitch, from which a frame is voiced."""
PAUSE_DB, ACTIVE_DB = 30.0, 25.0
"""Below the loud frames (the 95th percentile)."""
FEATURES = (
    "syllabic_over_slow", "syllabic_over_fast", "syllabic_depth", "quiet_frames", "pauses",
    "short_pauses", "hiss_spread", "hiss_share", "flux_mean", "flux_spread", "held_tones",
    "voiced_share", "pitch_glide", "pitch_jumps", "pitch_spread",
)  # fmt: skip
"""Names in the order of the vector."""
LARGEST_Z = 4.0
"""What is farther from speech counts as this far."""


def speech_probability(mono: NDArray[np.floating], sample_rate_hz: int) -> float:
    """Estimate the probability that a sound is speech, and no music.

    Parameters
    ----------
    mono : ndarray of float, shape (samples,)
        At least a second, better ten; level does not matter.
    sample_rate_hz : int
        8,000 or more.

    Returns
    -------
    float
        In [0, 1]; above 0.5 it is to be taken for speech. It is fitted on as much music as speech.

    Raises
    ------
    ValueError
        If there is less than one second.
    """
    features = speech_features(mono, sample_rate_hz)
    mean, spread, weight, weight_of_square = np.array([MODEL[name] for name in FEATURES]).T
    z = np.clip((features - mean) / spread, -LARGEST_Z, LARGEST_Z)
    logit = BIAS + float(np.sum(weight * z + weight_of_square * np.square(z)))
    return 1.0 / (1.0 + math.exp(-max(-60.0, min(60.0, logit))))


def speech_features(mono: NDArray[np.floating], sample_rate_hz: int) -> NDArray[np.float64]:
    """Measure `FEATURES`, float64 (15,) and finite, of a few seconds of sound, at any level.

    The sample rate is 8,000 or more. Raise ValueError if there is less than one second.
    """
    x = np.asarray(mono, np.float32)
    if len(x) < sample_rate_hz:
        raise ValueError(
            f"{len(x) / sample_rate_hz:.2f} s: expected at least one second of sound; take more"
        )
    if sample_rate_hz != RATE_HZ:
        x = soxr.resample(x, sample_rate_hz, RATE_HZ, quality="MQ")
    x = x / np.float32(np.sqrt(np.mean(np.square(x), dtype=np.float64)) + 1e-9)
    frames = np.lib.stride_tricks.sliding_window_view(x, FRAME)[::HOP]
    power = _power(frames * _hann(FRAME))
    return np.concatenate(
        [_modulation(power), _levels(power), _flux(power), _held(x), _pitch(frames, power)]
    )


def _power(frames: NDArray[np.float32]) -> NDArray[np.float32]:
    spectra = rfft(frames, axis=1)
    return spectra.real**2 + spectra.imag**2


def _modulation(power: NDArray[np.float32]) -> NDArray[np.float64]:
    """Depth of syllables, and over slower and faster changes, of four bands, as log10."""
    depths = []
    for low_hz, high_hz in ENVELOPE_BANDS_HZ:
        low, high = (round(hz * FRAME / RATE_HZ) for hz in (low_hz, high_hz))
        envelope = np.sqrt(power[:, low:high].sum(axis=1, dtype=np.float64))
        envelope /= envelope.mean() + 1e-9
        spectrum = np.abs(np.fft.rfft((envelope - 1) * np.hanning(len(envelope)))) ** 2
        spectrum /= len(envelope) ** 2
        hz = np.fft.rfftfreq(len(envelope), HOP / RATE_HZ)
        depths.append([spectrum[(hz >= a) & (hz < b)].sum() for a, b in MODULATION_HZ])
    slow, _, syllabic, fast, _ = np.log10(np.array(depths) + 1e-7).T
    return np.array([(syllabic - slow).mean(), (syllabic - fast).mean(), syllabic.mean()])


def _levels(power: NDArray[np.float32]) -> NDArray[np.float64]:
    """Quiet frames, pauses, short pauses a second; spread and share of hissed frames."""
    first, last = (round(hz * FRAME / RATE_HZ) for hz in (LOW_HZ, HIGH_HZ))
    energy = power[:, first:last].sum(axis=1, dtype=np.float64)
    level_db = 10 * np.log10(energy + 1e-9)
    loud_db = np.percentile(level_db, 95)
    seconds = len(energy) * HOP / RATE_HZ
    root = np.sqrt(energy)
    quiet = np.mean(root < 0.5 * root.mean())
    silent = level_db < loud_db - PAUSE_DB
    runs = np.diff(np.flatnonzero(np.diff(np.concatenate([[0], silent, [0]]))))[::2]
    short = np.count_nonzero((runs >= 4) & (runs <= 60)) / seconds
    middle, high = (round(hz * FRAME / RATE_HZ) for hz in (1_000, 2_000))
    hiss_db = 10 * np.log10(
        (power[:, high:last].sum(axis=1) + 1e-9) / (power[:, first:middle].sum(axis=1) + 1e-9)
    )
    active = hiss_db[level_db > loud_db - ACTIVE_DB]
    return np.array([quiet, silent.mean(), short, np.log(active.std() + 0.5), np.mean(active > 0)])


def _flux(power: NDArray[np.float32]) -> NDArray[np.float64]:
    """Mean and spread of the change of the spectrum's shape from frame to frame."""
    shape = np.sqrt(power)
    shape /= np.sqrt(power.sum(axis=1, keepdims=True)) + np.float32(1e-6)
    flux = np.sqrt(np.square(np.diff(shape, axis=0)).sum(axis=1, dtype=np.float64))
    return np.array([flux.mean(), flux.std()])


def _held(x: NDArray[np.float32]) -> NDArray[np.float64]:
    """How alike the fine structure of the spectrum is 100 ms later."""
    frames = np.lib.stride_tricks.sliding_window_view(x, LONG_FRAME)[::LONG_HOP]
    level = np.log10(_power(frames * _hann(LONG_FRAME))[:, 6:244] + 1e-4)
    sums = np.cumsum(np.pad(level, ((0, 0), (8, 8)), mode="edge"), axis=1)
    fine = level[:, :-1] - (sums[:, 16:] - sums[:, :-16])[:, : level.shape[1] - 1] / 16
    fine /= np.sqrt(np.square(fine).sum(axis=1, keepdims=True)) + 1e-6
    return np.array([np.mean((fine[5:] * fine[:-5]).sum(axis=1, dtype=np.float64))])


def _pitch(frames: NDArray[np.float32], power: NDArray[np.float32]) -> NDArray[np.float64]:
    """Share of voiced frames; steps of their pitch: median, share of jumps; spread, semitones."""
    spectra = rfft(frames * _hann(FRAME), 2 * FRAME, axis=1)
    correlation = irfft(spectra.real**2 + spectra.imag**2, axis=1)[:, :FRAME]
    correlation /= correlation[:, :1] + np.float32(1e-9)
    correlation = correlation / _window_correlation()
    shortest, longest = round(RATE_HZ / PITCH_HZ[1]), round(RATE_HZ / PITCH_HZ[0])
    part = correlation[:, shortest : longest + 1]
    best = np.argmax(part, axis=1)
    height = np.take_along_axis(part, best[:, None], axis=1)[:, 0]
    at = np.clip(best, 1, part.shape[1] - 2)
    left, middle, right = (
        np.take_along_axis(part, (at + k)[:, None], axis=1)[:, 0].astype(np.float64)
        for k in (-1, 0, 1)
    )
    bend = np.minimum(left - 2 * middle + right, -1e-9)
    lag = shortest + at + np.clip(0.5 * (left - right) / bend, -0.5, 0.5)
    energy = power.sum(axis=1, dtype=np.float64)
    voiced = (height > VOICED) & (energy > np.percentile(energy, 95) * 10 ** (-ACTIVE_DB / 10))
    if np.count_nonzero(voiced) < 10:
        return np.array([voiced.mean(), -2.3, 0.0, 0.0])
    semitones = -12 * np.log2(lag)
    both = voiced[1:] & voiced[:-1]
    steps = np.abs(np.diff(semitones))[both]
    near = steps[steps < 2.0]
    glide = float(np.median(near)) if len(near) else 0.0
    low, high = np.percentile(semitones[voiced], [15, 85])
    jumps = float(np.mean(steps >= 2.0)) if len(steps) else 0.0
    return np.array([voiced.mean(), np.log10(glide + 0.005), jumps, high - low])


@functools.cache
def _hann(n: int) -> NDArray[np.float32]:
    return np.hanning(n).astype(np.float32)


@functools.cache
def _window_correlation() -> NDArray[np.float32]:
    """Autocorrelation of the window, by which that of a frame is divided."""
    spectrum = np.fft.rfft(np.hanning(FRAME), 2 * FRAME)
    correlation = np.fft.irfft(np.abs(spectrum) ** 2)[:FRAME]
    return np.maximum(correlation / correlation[0], 0.05).astype(np.float32)
