"""How many bytes of audio the header of a WAV, RF64, W64, AIFF, CAF or AU file promises.

libsndfile takes what a file holds for what it should hold, so that a download that broke off looks
like a shorter recording. Of these containers the header says how long the audio chunk is.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

MOST_CHUNKS = 10_000
"""Before the audio; a file with more is no recording."""
_WRITTEN_BY_PIPES = ((0x7FFF_F000, 0x8000_0000), (0xFFFF_F000, 0xFFFF_FFFF), (1 << 62, 1 << 64))
"""Sizes that programs write who cannot go back to correct them: SoX, arecord; FFmpeg; CAF."""
_W64_RIFF = bytes.fromhex("726966662e91cf11a5d628db04c10000")
_W64_GUID_TAIL = bytes.fromhex("f3acd3118cd100c04f8edb8a")


@dataclass(frozen=True)
class AudioChunk:
    """The chunk of a file that holds its samples."""

    promised_bytes: int | None
    """What its header says; None where the header leaves it open."""
    held_bytes: int
    """What is there of it, to the end of the file at most."""


def audio_chunk(path: Path) -> AudioChunk | None:
    """Find the audio of a file that is made of chunks.

    None if the file is none of these containers, or its audio chunk is not found.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        for start, promised in _audio_chunks(file):
            rest = max(0, size - start)
            open_end = promised == 0 or any(a <= promised <= b for a, b in _WRITTEN_BY_PIPES)
            return AudioChunk(None if open_end else promised, min(promised or rest, rest))
    return None


def _audio_chunks(file: BinaryIO) -> Iterator[tuple[int, int]]:
    """Yield where the audio begins and how many bytes its chunk promises, once or not at all."""
    head = file.read(40)
    if head[:4] in (b"RIFF", b"RIFX", b"RF64", b"BW64") and head[8:12] == b"WAVE":
        yield from _riff(file, "big" if head[:4] == b"RIFX" else "little")
    elif head[:4] == b"FORM" and head[8:12] in (b"AIFF", b"AIFC"):
        yield from _aiff(file)
    elif head[:16] == _W64_RIFF:
        yield from _w64(file)
    elif head[:4] == b"caff":
        yield from _caf(file)
    elif head[:4] in (b".snd", b"dns."):
        order = "big" if head[:4] == b".snd" else "little"
        yield _number(head[4:8], order), _number(head[8:12], order)


def _riff(file: BinaryIO, order: str) -> Iterator[tuple[int, int]]:
    long_size = 0
    for name, start, size in _walk(file, 12, 4, 4, order, align=2):
        if name == b"ds64":
            long_size = _number(file.read(16)[8:], order)
        elif name == b"data":
            yield start, long_size if size == 0xFFFF_FFFF and long_size else size
            return


def _aiff(file: BinaryIO) -> Iterator[tuple[int, int]]:
    for name, start, size in _walk(file, 12, 4, 4, "big", align=2):
        if name == b"SSND":
            skipped = 8 + _number(file.read(4), "big")
            yield start + skipped, max(0, size - skipped)
            return


def _w64(file: BinaryIO) -> Iterator[tuple[int, int]]:
    for name, start, size in _walk(file, 40, 16, 8, "little", align=8, counts_head=True):
        if name == b"data" + _W64_GUID_TAIL:
            yield start, size
            return


def _caf(file: BinaryIO) -> Iterator[tuple[int, int]]:
    for name, start, size in _walk(file, 8, 4, 8, "big", align=1):
        if name == b"data":
            yield start + 4, size if size >= 1 << 62 else max(0, size - 4)
            return


def _walk(
    file: BinaryIO,
    at: int,
    name_bytes: int,
    size_bytes: int,
    order: str,
    *,
    align: int,
    counts_head: bool = False,
) -> Iterator[tuple[bytes, int, int]]:
    """Yield name, start and size of each chunk's content; the file stands at its start."""
    end = os.fstat(file.fileno()).st_size
    for _ in range(MOST_CHUNKS):
        file.seek(at)
        head = file.read(name_bytes + size_bytes)
        if len(head) < name_bytes + size_bytes:
            return
        start = at + len(head)
        size = _number(head[name_bytes:], order)
        if counts_head:
            size = max(0, size - len(head))
        yield head[:name_bytes], start, size
        at = start + size + -size % align
        if at >= end:
            return


def _number(data: bytes, order: str) -> int:
    return int.from_bytes(data, "big" if order == "big" else "little")
