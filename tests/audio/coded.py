"""Lossy files that FFmpeg writes, and what FFmpeg decodes of them: the oracle of our reading."""

from __future__ import annotations

import itertools
import subprocess
from pathlib import Path

import imageio_ffmpeg
import numpy as np
import pytest

from musqa_pipeline.audio.files.reading import read_blocks

CODED = {
    **{f"mp3 {rate}k": ["-c:a", "libmp3lame", "-b:a", f"{rate}k", "-f", "mp3"]
       for rate in (32, 48, 64, 96, 128, 320)},
    **{f"mp3 {rate}k, no header": [
        "-c:a", "libmp3lame", "-b:a", f"{rate}k", "-write_xing", "0", "-f", "mp3"]
       for rate in (32, 64, 192)},
    **{f"mp3 vbr {quality}": ["-c:a", "libmp3lame", "-q:a", str(quality), "-f", "mp3"]
       for quality in (0, 5, 9)},
    "mp3 vbr 9, no header": ["-c:a", "libmp3lame", "-q:a", "9", "-write_xing", "0", "-f", "mp3"],
    "mp3 abr": ["-c:a", "libmp3lame", "-abr", "1", "-b:a", "80k", "-f", "mp3"],
    "mp2 64k": ["-c:a", "mp2", "-b:a", "64k", "-f", "mp2"],
    "mp2 192k": ["-c:a", "mp2", "-b:a", "192k", "-f", "mp2"],
    **{f"vorbis {quality}": ["-c:a", "libvorbis", "-q:a", str(quality), "-f", "ogg"]
       for quality in (-1, 3, 8)},
    **{f"opus {rate}k": ["-c:a", "libopus", "-b:a", f"{rate}k", "-f", "ogg"]
       for rate in (8, 16, 32, 64, 160)},
    "opus hard cbr": ["-c:a", "libopus", "-vbr", "off", "-b:a", "48k", "-f", "ogg"],
    "aac 48k, adts": ["-c:a", "aac", "-b:a", "48k", "-f", "adts"],
    **{f"aac {rate}k, mp4": ["-c:a", "aac", "-b:a", f"{rate}k", "-f", "ipod"]
       for rate in (32, 128)},
    "wma": ["-c:a", "wmav2", "-f", "asf"],
    "ac3": ["-c:a", "ac3", "-f", "ac3"],
    "aac, matroska": ["-c:a", "aac", "-f", "matroska"],
    "vorbis, matroska": ["-c:a", "libvorbis", "-f", "matroska"],
}  # fmt: skip
"""What FFmpeg is told, by what we call it."""
LAYOUTS = tuple(itertools.product((44_100, 48_000), (1, 2)))
"""Rates and numbers of channels."""
DECODERS = {"mp2": ["-c:a", "mp2float"], "opus": ["-c:a", "libopus"]}
"""FFmpeg's own choice for these is in fixed point, and another decoder than Opus' authors'."""


def ffmpeg(*arguments: str | Path, stdin: bytes = b"") -> bytes:
    """Run FFmpeg; return what it wrote to its output."""
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-y", *map(str, arguments)]
    return subprocess.run(command, input=stdin, capture_output=True, check=True).stdout


def bursts(rate_hz: int, channels: int, duration_s: float = 4.2) -> np.ndarray:
    """Chords with strokes of noise: what makes encoders save bits for later frames.

    Float32, shape (frames, channels), peaks below 0.5, so that no decoder clips.
    """
    rng = np.random.default_rng(channels)
    times_s = np.arange(round(duration_s * rate_hz)) / rate_hz
    strokes = np.exp(-12 * (times_s % 0.23))[:, None]
    tones = sum(np.sin(2 * np.pi * f * times_s) for f in (196.0, 247.5, 392.0, 2640.0))[:, None]
    swell = 0.5 + 0.5 * np.sin(3 * times_s)[:, None]
    noise = rng.standard_normal((len(times_s), channels))
    return (0.05 * swell * tones + 0.06 * strokes * noise).astype(np.float32)


def encode(path: Path, name: str, samples: np.ndarray, rate_hz: int) -> Path:
    """Write samples as `CODED` says."""
    given = ["-f", "f32le", "-ar", str(rate_hz), "-ac", str(samples.shape[1]), "-i", "-"]
    ffmpeg(*given, *CODED[name], path, stdin=samples.astype("<f4").tobytes())
    return path


def decode(path: Path, name: str, channels: int) -> np.ndarray:
    """Decode a file as FFmpeg does, shape (frames, channels)."""
    decoder = DECODERS.get(name.partition(" ")[0], [])
    data = ffmpeg(*decoder, "-i", path, "-f", "f32le", "-")
    return np.frombuffer(data, "<f4").reshape(-1, channels)


def write_m4a(path, samples, codec="alac", rate_hz=48_000):
    av = pytest.importorskip("av", reason="needs the extra [m4a]")
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=rate_hz, layout="stereo")
        stream.codec_context.format = "s16p" if codec == "alac" else "fltp"
        pcm = np.rint(samples.T * 32_767).astype(np.int16)
        data = pcm if codec == "alac" else samples.T.astype(np.float32)
        for start in range(0, data.shape[1], 4_096):
            part = np.ascontiguousarray(data[:, start : start + 4_096])
            frame = av.AudioFrame.from_ndarray(part, stream.codec_context.format.name, "stereo")
            frame.sample_rate, frame.pts = rate_hz, start
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return pcm.T / np.float32(32_768)


def read_span(path, start_frame, n_frames):
    """Decode a part of a file."""
    return np.concatenate(list(read_blocks(path, start_frame=start_frame, n_frames=n_frames)))
