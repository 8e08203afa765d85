"""The first frame of an MP3: whether it says how long the file is, and whether that is true.

The frame that LAME and most others put first ("Xing" or "Info") counts frames and bytes. libsndfile
believes it, and without it guesses from the first frame's rate; either way it reads no farther. So
of joined MP3s only the first was read, and of a variable rate without that frame only a part.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

MOST_BEFORE_FRAME = 1 << 16
"""Bytes that may stand between the tags and the first frame."""
MOST_AFTER_COUNT = 4096
"""So many bytes beyond those that were counted may be padding; more are frames of another file."""
ENDLESS_FRAMES = 100_000_000
"""A month at 48 kHz: more than any file that is read."""
_BITRATES_KBPS = {  # ISO/IEC 11172-3 and 13818-3, clause 2.4.2.3, for layer III
    3: (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    2: (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
_RATES_HZ = {3: (44_100, 48_000, 32_000), 2: (22_050, 24_000, 16_000), 0: (11_025, 12_000, 8_000)}


@dataclass(frozen=True)
class MpegStream:
    """The frames of an MPEG audio file, without the tags around them."""

    is_counted: bool
    """Whether the first frame counts the frames, and the file holds those and no others."""
    head: bytes
    """What to read in place of the bytes before `start`: the first frame, its count taken out."""
    start: int
    stop: int
    """Where the rest of the frames lies in the file."""


def mpeg_stream(path: Path) -> MpegStream:
    """Look at the first frame and at the tags of an MP1, MP2 or MP3 file.

    `is_counted` is false for layers I and II, which have no such frame [1]_.

    References
    ----------
    .. [1] "LAME tag" revision 1 (the Xing header and its extension by LAME).
    """
    with path.open("rb") as file:
        stop = _end_of_frames(file)
        first = _end_of_tags(file)
        file.seek(first)
        data = file.read(MOST_BEFORE_FRAME)
    at = data.find(b"\xff")
    while at >= 0:
        length = _frame_bytes(data, at)
        if length and _frame_bytes(data, at + length, like=at):
            return _first_frame(data[at : at + length], first + at, stop)
        at = data.find(b"\xff", at + 1)
    return MpegStream(is_counted=False, head=b"", start=first, stop=stop)


def _first_frame(frame: bytes, at: int, stop: int) -> MpegStream:
    is_mpeg1, is_mono = frame[1] >> 3 & 3 == 3, frame[3] >> 6 == 3
    tag = 4 + {(True, True): 17, (True, False): 32, (False, True): 9}.get((is_mpeg1, is_mono), 17)
    if frame[tag : tag + 4] not in (b"Xing", b"Info") or not frame[tag + 7] & 1:
        return MpegStream(is_counted=False, head=b"", start=at, stop=stop)
    has_bytes = frame[tag + 7] & 2
    n_bytes = int.from_bytes(frame[tag + 12 : tag + 16], "big") if has_bytes else stop - at
    is_counted = stop - at <= n_bytes + MOST_AFTER_COUNT
    return MpegStream(is_counted, _uncounted(frame, tag, stop - at), at + len(frame), stop)


def _uncounted(frame: bytes, tag: int, n_bytes: int) -> bytes:
    """Take count and padding out of a first frame; the delay at the start stays."""
    flags = frame[tag + 7]
    changed = bytearray(frame)
    changed[tag + 8 : tag + 12] = ENDLESS_FRAMES.to_bytes(4, "big")
    at = tag + 12
    if flags & 2:
        changed[at : at + 4] = min(n_bytes, 0xFFFF_FFFF).to_bytes(4, "big")
        at += 4
    at += (100 if flags & 4 else 0) + (4 if flags & 8 else 0)
    delay = at + 21
    if delay + 3 <= len(changed):
        changed[delay + 1] &= 0xF0
        changed[delay + 2] = 0
    return bytes(changed)


def _frame_bytes(data: bytes, at: int, *, like: int | None = None) -> int:
    """Return the length of the layer III frame that begins here, 0 if none does.

    With `like`, it must be of the version and rate of the frame there.
    """
    first, second, third = data[at : at + 3] if at + 3 <= len(data) else bytes(3)
    if first != 0xFF or second & 0xE6 != 0xE2:
        return 0
    version, rate_index, bitrate_index = second >> 3 & 3, third >> 2 & 3, third >> 4
    if version == 1 or rate_index == 3 or not 0 < bitrate_index < 15:
        return 0
    if like is not None and (second & 0xFE, third & 0x0C) != (
        data[like + 1] & 0xFE,
        data[like + 2] & 0x0C,
    ):
        return 0
    is_mpeg1 = version == 3
    bitrate_bps = 1000 * _BITRATES_KBPS[3 if is_mpeg1 else 2][bitrate_index]
    return (144 if is_mpeg1 else 72) * bitrate_bps // _RATES_HZ[version][rate_index] + (
        third >> 1 & 1
    )


def _end_of_tags(file: BinaryIO) -> int:
    """Return where the ID3v2 tags at the start end."""
    at = 0
    while True:
        file.seek(at)
        head = file.read(10)
        if len(head) < 10 or head[:3] != b"ID3":
            return at
        size = sum(
            (byte & 0x7F) << shift for byte, shift in zip(head[6:], (21, 14, 7, 0), strict=True)
        )
        at += 10 + size + (10 if head[5] & 0x10 else 0)


def _end_of_frames(file: BinaryIO) -> int:
    """Return where the ID3v1, Lyrics3v2 and APE tags at the end begin."""
    end = file.seek(0, 2)
    while True:
        file.seek(max(0, end - 128))
        tail = file.read(end - max(0, end - 128))
        if len(tail) == 128 and tail[:3] == b"TAG":
            size = 128
        elif tail[-32:-24] == b"APETAGEX":
            has_header = tail[-9] & 0x80
            size = int.from_bytes(tail[-20:-16], "little") + (32 if has_header else 0)
        elif tail[-9:] == b"LYRICS200" and tail[-15:-9].isdigit():
            size = int(tail[-15:-9]) + 15
        else:
            return end
        if not 0 < size <= end:
            return end
        end -= size
