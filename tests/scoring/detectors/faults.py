"""Faults to plant into clean music, each at a strength; what the detectors are measured with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.signal import firwin, oaconvolve

Sound = NDArray[np.float32]


@dataclass(frozen=True)
class Fault:
    """A kind of fault, its strengths from weak to strong, and how it is planted."""

    kind: str
    """Of the event that should be found."""
    name: str
    unit: str
    strengths: tuple[float, ...]
    plant: Callable[[Sound, int, float, np.random.Generator], Sound | None]
    """From (samples of shape (frames, channels), rate, strength, generator); None where the music
    does not allow it (a mono recording has no stereo to lose)."""


def power(samples: Sound) -> float:
    return float(np.mean(np.square(samples), dtype=np.float64)) + 1e-20


def low_pass(samples: Sound, rate_hz: int, hz: float, rng: np.random.Generator) -> Sound:
    """Steep and linear in phase, 400 Hz wide."""
    taps = firwin(2 * round(rate_hz / 240) + 1, hz, fs=rate_hz, window=("kaiser", 8.0))
    return np.stack([oaconvolve(c, taps, mode="same") for c in samples.T], 1).astype(np.float32)


def clip(samples: Sound, rate_hz: int, db: float, rng: np.random.Generator) -> Sound:
    """Cut the loudest `db` off every channel's peak, and bring the result to full scale."""
    top = np.abs(samples).max() * 10 ** (-db / 20)
    return to_16_bit(np.clip(samples, -top, top) / top * np.float32(32_767 / 32_768))


def clip_and_lower(samples: Sound, rate_hz: int, db: float, rng: np.random.Generator) -> Sound:
    """Turn what is clipped down by 9 dB, with dither."""
    lower = clip(samples, rate_hz, db, rng) * np.float32(10 ** (-9 / 20))
    dither = rng.uniform(-0.5, 0.5, lower.shape) + rng.uniform(-0.5, 0.5, lower.shape)
    return to_16_bit(lower + (dither / 32_768).astype(np.float32))


def to_16_bit(samples: Sound) -> Sound:
    return (np.rint(np.clip(samples * 32_768, -32_768, 32_767)) / 32_768).astype(np.float32)


def clicks(samples: Sound, rate_hz: int, db: float, rng: np.random.Generator) -> Sound:
    """Ten clicks of one to five samples, `db` above the level of all the music."""
    out = samples.copy()
    amplitude = np.sqrt(power(samples)) * 10 ** (db / 20)
    for at in places(len(samples), 10, rng):
        length = int(rng.integers(1, 6))
        shape = np.hanning(length + 2)[1:-1] * rng.choice([-1.0, 1.0]) * amplitude
        out[at : at + length] += shape[:, None].astype(np.float32)
    return out


def dropouts(samples: Sound, rate_hz: int, ms: float, rng: np.random.Generator) -> Sound:
    """Five gaps of zeros where there is sound."""
    out = samples.copy()
    length = max(1, round(ms / 1000 * rate_hz))
    heard = np.square(samples).mean(axis=1)
    window = np.ones(round(0.02 * rate_hz)) / round(0.02 * rate_hz)
    level = oaconvolve(heard, window, mode="same")
    for at in places(len(samples) - length, 40, rng):
        around = min(level[at], level[min(at + length, len(level) - 1)])
        if around > 1e-2 * heard.mean() and np.count_nonzero(out[at - 1 : at + length + 1]):
            out[at : at + length] = 0.0
    return out


def held(samples: Sound, rate_hz: int, ms: float, rng: np.random.Generator) -> Sound:
    """Gaps of a held sample."""
    zeros = dropouts(samples, rate_hz, ms, rng)
    out = samples.copy()
    gone = np.flatnonzero((zeros != samples).any(axis=1))
    for run in np.split(gone, np.flatnonzero(np.diff(gone) > 1) + 1):
        if len(run):
            out[run] = samples[max(0, run[0] - 1)]
    return out


def hum(samples: Sound, rate_hz: int, db: float, rng: np.random.Generator) -> Sound:
    """Mains hum of 50 or 60 Hz and six harmonics, `db` against the music."""
    mains_hz = rng.choice([50.0, 60.0]) * (1 + rng.uniform(-5e-4, 5e-4))
    time_s = np.arange(len(samples)) / rate_hz
    tone = sum(
        10 ** (-rng.uniform(0, 12) / 20) * np.sin(2 * np.pi * k * mains_hz * time_s + phase)
        for k, phase in enumerate(rng.uniform(0, 6.28, 6), start=1)
    )
    tone *= np.sqrt(power(samples) / power(tone)) * 10 ** (db / 20)
    return samples + tone[:, None].astype(np.float32)


def white_noise(samples: Sound, rate_hz: int, snr_db: float, rng: np.random.Generator) -> Sound:
    noise = rng.standard_normal(samples.shape)
    noise *= np.sqrt(power(samples)) * 10 ** (-snr_db / 20)
    return samples + noise.astype(np.float32)


def hiss(samples: Sound, rate_hz: int, snr_db: float, rng: np.random.Generator) -> Sound:
    """Pink noise, as of tape."""
    spectrum = np.fft.rfft(rng.standard_normal(samples.shape), axis=0)
    hz = np.fft.rfftfreq(len(samples), 1 / rate_hz)
    noise = np.fft.irfft(spectrum / np.sqrt(np.maximum(hz, 50))[:, None], len(samples), axis=0)
    noise *= np.sqrt(power(samples) / power(noise)) * 10 ** (-snr_db / 20)
    return samples + noise.astype(np.float32)


def narrow(samples: Sound, rate_hz: int, db: float, rng: np.random.Generator) -> Sound | None:
    """Lower the side by `db`."""
    if samples.shape[1] != 2 or np.ptp(samples, axis=1).max() < 1e-3:
        return None
    mid = samples.mean(axis=1, keepdims=True)
    return mid + (samples - mid) * np.float32(10 ** (-db / 20))


def turned(samples: Sound, rate_hz: int, width: float, rng: np.random.Generator) -> Sound | None:
    """Turn one channel of a recording round whose side is `width` dB against its mid."""
    mid = samples.mean(axis=1)
    side = samples[:, 0] - samples[:, -1]
    if power(side) < 1e-8:
        side = np.roll(mid, rate_hz // 50)
    side = side * np.sqrt(power(mid) / power(side)) * 10 ** (width / 20)
    return np.stack([mid + side, side - mid], axis=1).astype(np.float32)


def places(n: int, count: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Draw moments, one in each part of the sound, none near its ends."""
    starts = np.linspace(0.02 * n, 0.96 * n, count, endpoint=False)
    return (starts + rng.uniform(0, 0.8 * (0.94 * n) / count, count)).astype(np.int64)


FAULTS: tuple[Fault, ...] = (
    Fault("band_edge", "low-pass", "Hz", (20_000, 18_000, 16_000, 12_000, 8_000, 4_000), low_pass),
    Fault("clipping", "clipped", "dB", (0.5, 1, 2, 3, 6, 10), clip),
    Fault("clipping", "clipped, then -9 dB", "dB", (0.5, 1, 2, 3, 6, 10), clip_and_lower),
    Fault("click", "clicks", "dB", (-12, -6, 0, 6, 12, 18), clicks),
    Fault("dropout", "zeros", "ms", (1, 2, 5, 20, 100), dropouts),
    Fault("dropout", "held sample", "ms", (1, 2, 5, 20, 100), held),
    Fault("hum", "mains", "dB", (-60, -50, -40, -30, -20, -10), hum),
    Fault("noise", "white noise", "dB", (60, 50, 40, 30, 20, 10), white_noise),
    Fault("noise", "pink noise", "dB", (60, 50, 40, 30, 20, 10), hiss),
    Fault("mono_collapse", "side lowered", "dB", (10, 20, 30, 40, 60, 100), narrow),
    Fault("mono_collapse", "channel turned", "dB", (0, -6, -10, -15, -20, -40), turned),
)
"""Faults of signals; those of codecs are in `coded.py`."""
