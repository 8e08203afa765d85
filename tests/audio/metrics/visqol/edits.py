"""What can happen to a signal besides codecs: the edits of `visqol_pairs`.

An edit takes float32 samples, its strength and a generator, and returns other samples; lengths may
change. Strengths are in the unit that the edit's line of `EDITS` names.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from musqa_pipeline.audio.constants import SAMPLE_RATE_HZ
from musqa_pipeline.audio.degradations.ffmpeg import decode
from musqa_pipeline.audio.degradations.processes import DEGRADATIONS
from musqa_pipeline.audio.degradations.rebuild import aligned

Edit = Callable[[np.ndarray, float | str, np.random.Generator], np.ndarray]


def _late(x, n, _):
    return np.concatenate([np.zeros(n, x.dtype), x])[: len(x)]


def _early(x, n, _):
    return np.concatenate([x[n:], np.zeros(n, x.dtype)])


def _longer(x, n, rng):
    return np.concatenate([x, 0.5 * x[: -n - 1 : -1] + 1e-3 * rng.standard_normal(n)])


def _dropouts(x, ms, rng):
    """Ten holes; one of them where a patch begins."""
    y, length = x.copy(), int(ms * 48)
    for start in [13_440, *rng.integers(0, len(x) - length, 9)]:
        y[start : start + length] = 0
    return y


def _skipped(x, ms, rng):
    at, length = int(rng.integers(len(x) // 3, len(x) // 2)), int(ms * 48)
    return np.concatenate([x[:at], x[at + length :], x[:length]])


def _paused(x, ms, rng):
    at, length = int(rng.integers(len(x) // 3, len(x) // 2)), int(ms * 48)
    return np.concatenate([x[:at], np.zeros(length, x.dtype), x[at:]])[: len(x)]


def _stuck(x, ms, rng):
    """A short piece is played four times in place of what follows."""
    at, length = int(rng.integers(len(x) // 3, len(x) // 2)), int(ms * 48)
    y = x.copy()
    y[at : at + 4 * length] = np.tile(x[at : at + length], 4)
    return y


def _jitter(x, n, rng):
    """Each block of a second is moved by up to `n` samples."""
    source = np.arange(len(x))
    for start in range(0, len(x), SAMPLE_RATE_HZ):
        source[start : start + SAMPLE_RATE_HZ] += rng.integers(-n, n + 1)
    return x[np.clip(source, 0, len(x) - 1)]


def _silent_between(x, share, _):
    y = x.copy()
    y[int(len(x) * (0.5 - share / 2)) : int(len(x) * (0.5 + share / 2))] = 0
    return y


def _silent_until(x, s, _):
    return np.where(np.arange(len(x)) < s * SAMPLE_RATE_HZ, 0, x)


def _silent_from(x, s, _):
    return np.where(np.arange(len(x)) < s * SAMPLE_RATE_HZ, x, 0)


def _noise(x, snr_db, rng):
    noise = rng.standard_normal(len(x))
    return x + noise * np.sqrt(np.mean(np.square(x, dtype=np.float64)) / 10 ** (snr_db / 10))


def _noise_alone(x, rms, rng):
    return rms * rng.standard_normal(len(x))


def _clipped(x, share, _):
    limit = share * np.max(np.abs(x))
    return np.clip(x, -limit, limit)


def _wow(x, depth, _):
    """Speed that swings by `depth` parts of a million, twice a second."""
    n = np.arange(len(x))
    swing = depth * 1e-6 * SAMPLE_RATE_HZ / (4 * np.pi) * np.sin(n * 4 * np.pi / SAMPLE_RATE_HZ)
    return np.interp(n + swing, n, x)


def _faster(x, ppm, _):
    n = np.arange(int(len(x) / (1 + ppm * 1e-6)))
    return np.interp(n * (1 + ppm * 1e-6), np.arange(len(x)), x)


def _clicks(x, n, rng):
    y = x.copy()
    y[rng.integers(0, len(x), n)] = 0.9
    return y


def _hum(x, level_db, _):
    t = np.arange(len(x)) / SAMPLE_RATE_HZ
    return x + 10 ** (level_db / 20) * sum(np.sin(2 * np.pi * f * t) / f for f in (50, 150, 250))


def _holes(x, n, rng):
    """Holes of 300 Hz in the spectrum of the whole."""
    spectrum = np.fft.rfft(x)
    width = int(300 * len(x) / SAMPLE_RATE_HZ)
    for start in rng.integers(0, len(spectrum) * 2 // 3, n):
        spectrum[start : start + width] = 0
    return np.fft.irfft(spectrum, len(x))


def _bands(x, edges_hz, _):
    """Keep what lies between two frequencies."""
    low, high = (float(f) for f in edges_hz.split("-"))
    f = np.fft.rfftfreq(len(x), 1 / SAMPLE_RATE_HZ)
    return np.fft.irfft(np.fft.rfft(x) * ((f >= low) & (f <= high)), len(x))


def _bits(x, n, _):
    return np.rint(x * 2 ** (n - 1)) / 2 ** (n - 1)


def _echo(x, ms, _):
    return x + 0.6 * _late(x, int(ms * 48), None)


def _other(x, name, _):
    from tests.audio.metrics.visqol.pairs import make_reference

    return make_reference(name)


def _effect(x, name, rng):
    degradation = DEGRADATIONS[name]
    applied = degradation.apply(x, degradation.draw(rng))
    (decoded,) = decode([(applied.container, applied.bitstream)])
    return aligned(applied, decoded)


EDITS: dict[str, Edit] = {
    "late": _late,  # samples
    "early": _early,  # samples
    "rolled": lambda x, n, _: np.roll(x, n),  # samples
    "gain": lambda x, db, _: x * np.float32(10 ** (db / 20)),
    "inverted": lambda x, *_: -x,
    "shorter": lambda x, n, _: x[:-n],  # samples
    "front_cut": lambda x, n, _: x[n:],  # samples
    "front_added": lambda x, n, _: np.concatenate([np.zeros(n, x.dtype), x]),  # samples
    "longer": _longer,  # samples
    "dropouts": _dropouts,  # ms each
    "skipped": _skipped,  # ms
    "paused": _paused,  # ms
    "stuck": _stuck,  # ms
    "jitter": _jitter,  # samples
    "silent_between": _silent_between,  # share of the whole
    "silent_until": _silent_until,  # s
    "silent_from": _silent_from,  # s
    "noise": _noise,  # signal-to-noise ratio, dB
    "noise_alone": _noise_alone,  # RMS, full scale 1
    "clipped": _clipped,  # share of the peak
    "wow": _wow,  # parts of a million
    "faster": _faster,  # parts of a million
    "offset": lambda x, level, _: x + np.float32(level),  # full scale 1
    "clicks": _clicks,  # number
    "hum": _hum,  # dB
    "holes": _holes,  # number
    "bands": _bands,  # Hz-Hz
    "bits": _bits,  # bits
    "echo": _echo,  # ms
    "other": _other,  # name of a reference
    "reversed": lambda x, *_: x[::-1],
    "effect": _effect,  # name of a degradation, with parameters drawn
}
"""Edits by name."""
