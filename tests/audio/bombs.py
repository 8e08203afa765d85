"""Small files that decode to hours or to gigabytes, or claim to: what hostile audio looks like."""

from __future__ import annotations

import struct
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import numpy as np
import soundfile

SPARSE_BYTES = 20_000_000_000
BLOCK = 65_535
"""Samples of a frame of FLAC, the most there are."""


def wav_header(
    rate_hz: int, channels: int, n_bytes: int, *, bits: int = 16, is_float: bool = False
) -> bytes:
    """The header of a WAV file, as it is told."""
    frame = channels * bits // 8
    return struct.pack(
        "<4sI4s4sIHHIIHH4sI", b"RIFF", min(36 + n_bytes, 2**32 - 1), b"WAVE", b"fmt ", 16,
        3 if is_float else 1, channels, rate_hz, min(rate_hz * frame, 2**32 - 1), frame, bits,
        b"data", n_bytes,
    )  # fmt: skip


def rf64_header(rate_hz: int, channels: int, n_bytes: int) -> bytes:
    """The header of a WAV file of 32-bit floats that may be larger than 4 GB."""
    n_frames = n_bytes // (4 * channels)
    sizes = struct.pack("<4sIQQQI", b"ds64", 28, n_bytes + 72, n_bytes, n_frames, 0)
    plain = wav_header(rate_hz, channels, 2**32 - 1, bits=32, is_float=True)
    return b"RF64\xff\xff\xff\xff" + plain[8:12] + sizes + plain[12:]


def flac(duration_s: float, rate_hz: int, channels: int, *, says_hz: int | None = None) -> bytes:
    """Silence of 16 bit, some ten bytes a frame of 65,535 samples."""
    n_blocks = max(1, round(duration_s * rate_hz / BLOCK))
    packed = (says_hz or rate_hz) << 44 | (channels - 1) << 41 | 15 << 36 | n_blocks * BLOCK
    frames = [b"fLaC\x80\0\0\x22", struct.pack(">HH6x", BLOCK, BLOCK), packed.to_bytes(8, "big")]
    frames.append(bytes(16))
    crc_8, crc_16 = crc_table(8, 0x07), crc_table(16, 0x8005)
    for number in range(n_blocks):
        counted = chr(number).encode("utf-8", "surrogatepass")
        head = bytes((0xFF, 0xF8, 0x70, (channels - 1) << 4 | 0x08)) + counted + b"\xff\xfe"
        frame = head + crc(head, crc_8, 8) + bytes(3 * channels)  # constant subframes
        frames.append(frame + crc(frame, crc_16, 16))
    return b"".join(frames)


def crc_table(bits: int, polynomial: int) -> list[int]:
    """What each byte adds to a checksum."""
    table = []
    for byte in range(256):
        found = byte << (bits - 8)
        for _ in range(8):
            found = found << 1 ^ (polynomial if found >> (bits - 1) & 1 else 0)
            found &= (1 << bits) - 1
        table.append(found)
    return table


def crc(data: bytes, table: list[int], bits: int) -> bytes:
    """A checksum as FLAC writes it."""
    found, mask = 0, (1 << bits) - 1
    for byte in data:
        found = (found << 8 & mask) ^ table[found >> (bits - 8) ^ byte]
    return found.to_bytes(bits // 8, "big")


def mp3(duration_s: float) -> bytes:
    """One silent frame again and again: MPEG-2.5, 8 kHz, 8 kbit/s, 72 ms in 72 bytes."""
    return (b"\xff\xe3\x18\xc4" + bytes(68)) * round(duration_s / 0.072)


def chained_ogg(path: Path, n_links: int) -> None:
    """Ten minutes of silence, again and again."""
    with soundfile.SoundFile(path, "w", 8_000, 1, "VORBIS", format="OGG") as file:
        for _ in range(600):  # more at once than libsndfile has stack for ends the process
            file.write(np.zeros(8_000, np.int16))
    path.write_bytes(path.read_bytes() * n_links)


def m4a(path: Path, duration_s: float) -> None:
    """One silent packet of ALAC again and again, which PyAV decodes."""
    import av

    with av.open(str(path), "w", format="ipod") as container:
        stream = container.add_stream("alac", rate=8_000, layout="mono", format="s16p")
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 4_096), np.int16), "s16p", "mono")
        frame.sample_rate, frame.pts = 8_000, 0
        (data,) = [bytes(p) for p in [*stream.encode(frame), *stream.encode(None)]]
        for number in range(round(duration_s * 8_000 / 4_096)):
            packet = av.Packet(data)
            packet.stream, packet.time_base = stream, Fraction(1, 8_000)
            packet.pts = packet.dts = 4_096 * number
            packet.duration = 4_096
            container.mux_one(packet)


def sparse(path: Path, header: bytes) -> None:
    """A file that is a header and a hole of 20 GB."""
    with path.open("wb") as file:
        file.write(header)
        file.truncate(SPARSE_BYTES)


HOUR_S = 3600.0

BOMBS: dict[str, Callable[[Path], object]] = {
    "one hertz.wav": lambda p: p.write_bytes(wav_header(1, 1, 40_000) + bytes(40_000)),
    "a day of silence.flac": lambda p: p.write_bytes(flac(23 * HOUR_S, 48_000, 1)),
    "65 channels.wav": lambda p: p.write_bytes(wav_header(48_000, 65, 130_000) + bytes(130_000)),
    "255 channels.wav": lambda p: p.write_bytes(wav_header(48_000, 255, 510_000) + bytes(510_000)),
    "a megahertz.flac": lambda p: p.write_bytes(flac(1.0, 48_000, 1, says_hz=2**20 - 1)),
    "4 gigahertz.wav": lambda p: p.write_bytes(wav_header(4 * 10**9, 1, 40_000) + bytes(40_000)),
    "2 to the 63.wav": lambda p: p.write_bytes(rf64_header(48_000, 1, 2**63 - 4) + bytes(96_000)),
    "no numbers.wav": lambda p: soundfile.write(
        p, np.full(480_000, np.nan, np.float32), 48_000, subtype="FLOAT"
    ),
    "chained.ogg": lambda p: chained_ogg(p, 18),
    "one frame.mp3": lambda p: p.write_bytes(mp3(3 * HOUR_S)),
    "one packet.m4a": lambda p: m4a(p, 3 * HOUR_S),
    "wide.flac": lambda p: p.write_bytes(flac(120.0, 655_350, 8)),
    "sparse.wav": lambda p: sparse(p, rf64_header(768_000, 64, SPARSE_BYTES - 80)),
    "hole.wav": lambda p: sparse(p, wav_header(48_000, 1, 4_000_000_000)),
    "hole.mp3": lambda p: sparse(p, mp3(1.0)),
}
