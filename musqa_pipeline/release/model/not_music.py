"""Sounds that are no music, by which a release shows that it knows what it does not know."""

from __future__ import annotations

import io

import numpy as np
from numpy.typing import NDArray
from scipy.signal import butter, chirp, sosfilt

from musqa_pipeline.audio.constants import EXCERPT_SAMPLES, SAMPLE_RATE_HZ
from musqa_pipeline.core.seeds import derive_generator

TELEPHONE_HZ = (300.0, 3_400.0)
"""Band of a telephone, ITU-T G.712."""


def sounds_that_are_no_music() -> dict[str, list[NDArray[np.float32]]]:
    """Make 10 s of each sound at 48 kHz."""
    time_s = np.arange(EXCERPT_SAMPLES) / SAMPLE_RATE_HZ
    rng = derive_generator("release.not_music", "noise")
    noise = rng.standard_normal((4, EXCERPT_SAMPLES))
    band = butter(6, TELEPHONE_HZ, "bandpass", fs=SAMPLE_RATE_HZ, output="sos")
    falling = np.fft.rfft(noise[2]) / np.sqrt(np.maximum(1, np.arange(EXCERPT_SAMPLES // 2 + 1)))
    kinds = {
        "white noise": [noise[0]],
        "noise in the band of a telephone": [sosfilt(band, noise[1])],
        "pink noise": [np.fft.irfft(falling, EXCERPT_SAMPLES)],
        "pure tone": [np.sin(2 * np.pi * f * time_s) for f in (100, 440, 1_000, 3_000, 8_000)],
        "square wave": [np.sign(np.sin(2 * np.pi * f * time_s)) for f in (55, 110, 440, 1_000)],
        "slow sweep": [chirp(time_s, 20, 10, 20_000, method="logarithmic")],
        "pulses": [1.0 * (np.arange(EXCERPT_SAMPLES) % p == 0) for p in (48_000, 4_800, 480)],
        "bytes of a picture": [_picture_as_samples()],
    }
    return {
        kind: [(0.5 * sound / np.abs(sound).max()).astype(np.float32) for sound in sounds]
        for kind, sounds in kinds.items()
    }


def _picture_as_samples() -> NDArray[np.float64]:
    """Take the bytes of a JPEG for 16-bit samples, repeated to 10 s."""
    from PIL import Image

    rng = derive_generator("release.not_music", "picture")
    grain = rng.integers(0, 60, (1_200, 1_600, 3)) + np.linspace(0, 190, 1_200)[:, None, None]
    buffer = io.BytesIO()
    Image.fromarray(grain.astype(np.uint8)).save(buffer, "JPEG", quality=90)
    content = buffer.getvalue()
    samples = np.frombuffer(content[: len(content) // 2 * 2], "<i2")
    return np.resize(samples, EXCERPT_SAMPLES) / 32_768
