"""A signal that codecs treat like music: notes, hits and breath over the whole band."""

from __future__ import annotations

import functools

import numpy as np

from musqa_pipeline.audio.constants import EXCERPT_SAMPLES, SAMPLE_RATE_HZ, TAIL_SAMPLES
from musqa_pipeline.audio.measures.loudness import integrated_lufs

INPUT_SAMPLES = EXCERPT_SAMPLES + TAIL_SAMPLES


@functools.cache
def music(n_samples: int = INPUT_SAMPLES, seed: int = 1) -> np.ndarray:
    """Make float32 samples, shape (n_samples,), at -23 LUFS and with 16-bit values."""
    rng = np.random.default_rng(seed)
    x = np.zeros(n_samples)
    pink = np.fft.rfft(rng.standard_normal(n_samples))
    pink /= np.sqrt(np.maximum(np.arange(len(pink)), 20))
    breath = np.fft.irfft(pink, n_samples)
    x += 0.02 * breath / breath.std()
    for start in range(0, n_samples - 2_400, 9_600):
        n = min(14_400, n_samples - start)
        t = np.arange(n) / SAMPLE_RATE_HZ
        pitch_hz = 110.0 * 2.0 ** (rng.integers(0, 37) / 12)
        for k in range(1, 13):
            if k * pitch_hz < 20_000:
                x[start : start + n] += (
                    0.1 / k * np.exp(-t * (3 + k)) * np.sin(2 * np.pi * k * pitch_hz * t + k)
                )
        x[start : start + n] += 0.15 * rng.standard_normal(n) * np.exp(-t * 120)
    gain = 10 ** ((-23.0 - integrated_lufs(x[:EXCERPT_SAMPLES])) / 20)
    samples = (np.rint(x * gain * 32768) / 32768).astype(np.float32)
    samples.flags.writeable = False
    return samples
