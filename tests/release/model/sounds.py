"""Sounds that the tests of a release ask about: a synthesised piece, and what is no music."""

from __future__ import annotations

import functools
import io

import numpy as np
from PIL import Image
from scipy.signal import butter, sosfilt

from musqa_pipeline.audio.constants import EXCERPT_SAMPLES, SAMPLE_RATE_HZ
from musqa_pipeline.audio.features.bands import band_image
from musqa_pipeline.audio.measures.loudness import integrated_lufs
from musqa_pipeline.catalogs.demo_music.catalog import TrackPlan

TIME_S = np.arange(EXCERPT_SAMPLES) / SAMPLE_RATE_HZ
SEED = 901
"""Of pieces that no catalog holds: the catalogs that trained the model have other seeds."""


@functools.cache
def piece(index: int, duration_s: float = 10.0) -> np.ndarray:
    """A piece in the style of this number, float32 (samples, 2)."""
    return TrackPlan(index, SEED, duration_s).samples().T.astype(np.float32)


def image_of(mono: np.ndarray) -> np.ndarray:
    """The band image of 10 s at the loudness of the training."""
    gain = 10 ** ((-23 - integrated_lufs(mono)) / 20)
    return band_image(gain * np.asarray(mono, np.float64))


def lowpassed(mono: np.ndarray, edge_hz: float) -> np.ndarray:
    """Cut everything above an edge."""
    spectrum = np.fft.rfft(mono)
    spectrum[np.fft.rfftfreq(len(mono), 1 / SAMPLE_RATE_HZ) > edge_hz] = 0
    return np.fft.irfft(spectrum, len(mono))


def no_music() -> dict[str, np.ndarray]:
    """Sounds far from any music, 10 s each at 48 kHz."""
    rng = np.random.default_rng(5)
    noise = rng.standard_normal(EXCERPT_SAMPLES)
    band = butter(6, (300, 3400), "bandpass", fs=SAMPLE_RATE_HZ, output="sos")
    return {
        "white noise": noise,
        "telephone-band noise": sosfilt(band, noise),
        **{f"square wave of {f} Hz": np.sign(np.sin(2 * np.pi * f * TIME_S)) for f in (110, 440)},
        **{f"tone of {f} Hz": np.sin(2 * np.pi * f * TIME_S) for f in (100, 1000, 8000)},
        "bytes of a JPEG": _jpeg_as_audio(),
    }


def _jpeg_as_audio() -> np.ndarray:
    rng = np.random.default_rng(6)
    grain = rng.integers(0, 60, (1500, 1500, 3))
    slope = np.linspace(0, 190, 1500)[:, None, None]
    buffer = io.BytesIO()
    Image.fromarray((grain + slope).astype(np.uint8)).save(buffer, "JPEG", quality=90)
    content = buffer.getvalue()
    samples = np.frombuffer(content[: len(content) // 2 * 2], "<i2") / 32_768
    return np.resize(samples, EXCERPT_SAMPLES)
