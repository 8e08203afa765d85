"""A small library: music, copies of it, a fake, silence, a picture that is called music."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import soundfile
import soxr

from tests.audio.music import music

RATE_HZ = 44_100
SECONDS = 32
N_SAMPLES = 48_000 * SECONDS


def song(seed: int, seconds: int = SECONDS) -> np.ndarray:
    """Music of its own for each seed, float32 (frames, 2), 44.1 kHz."""
    mono = soxr.resample(music(48_000 * seconds, seed), 48_000, RATE_HZ)
    return np.stack([mono, 0.8 * mono], axis=1).astype(np.float32)


def cut_at(x: np.ndarray, cutoff_hz: float) -> np.ndarray:
    """A brick wall, as encoders have it."""
    spectrum = np.fft.rfft(x, axis=0)
    spectrum[round(cutoff_hz * len(x) / RATE_HZ) :] = 0
    return np.fft.irfft(spectrum, len(x), axis=0).astype(np.float32)


def as_mp3(x: np.ndarray, kbps: float = 128.0) -> np.ndarray:
    """What LAME makes of it at a constant rate, decoded, in 16 bit."""
    data = io.BytesIO()
    # libsndfile's level goes from 320 kbit/s at 0 to 32 at 1.
    level = (320 - kbps) / (320 - 32)
    soundfile.write(
        data, x, RATE_HZ, format="MP3", bitrate_mode="CONSTANT", compression_level=level
    )
    data.seek(0)
    return (np.round(soundfile.read(data)[0] * 32_767) / 32_768).astype(np.float32)


def write_library(folder: Path) -> Path:
    """Write ten files in two folders; two of them cannot be read."""
    (folder / "b sides").mkdir(parents=True)
    one, two = song(1, 12), song(2)
    soundfile.write(folder / "one.flac", one, RATE_HZ)
    soundfile.write(folder / "b sides" / "one again.mp3", 0.5 * one, RATE_HZ)
    soundfile.write(folder / "two.wav", two, RATE_HZ)
    soundfile.write(folder / "fake.flac", as_mp3(song(3, 12)), RATE_HZ)
    soundfile.write(folder / "<b>dull & old.flac", cut_at(song(4, 12), 5_000), RATE_HZ)
    soundfile.write(folder / "b sides" / "silence.flac", np.zeros((RATE_HZ * 12, 2)), RATE_HZ)
    soundfile.write(folder / "b sides" / "short.wav", song(5, 12)[:RATE_HZ], RATE_HZ)
    (folder / "picture.mp3").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(2_000))
    whole = (folder / "one.flac").read_bytes()
    (folder / "b sides" / "truncated.flac").write_bytes(whole[: len(whole) // 3])
    (folder / "cover.jpg").write_bytes(b"no music")
    (folder / ".hidden.flac").write_bytes(whole)
    return folder
