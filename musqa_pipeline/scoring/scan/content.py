"""What a file holds, as a key: scores are kept under it, so that a renamed file keeps its own.

FLAC carries the MD5 of its samples in the header [1]_; with the rate, the number of channels and
the length of the coded audio it identifies the sound without reading it, and a new title or cover
does not change it. The length is there because a truncated file keeps the header of the whole.
Damage that keeps the length is not seen: only decoding all of it would show that. Other files are
hashed whole.

References
----------
.. [1] M. van Beurden, A. Weaver, Free Lossless Audio Codec (FLAC), RFC 9639 (2024), 8.2.
"""

from __future__ import annotations

import os
from io import BufferedReader
from pathlib import Path

from musqa_pipeline.core.seal_format import digest_of, file_digest

STREAMINFO = 0
STREAMINFO_BYTES = 34
SAME_SOUND = slice(10, 34)
"""Of STREAMINFO: rate, channels, bits, number of samples and MD5; before it stand sizes of blocks
and frames, which tell encoders apart."""
MOST_BLOCKS = 128


def content_key(path: Path) -> str:
    """Identify what an audio file holds, as ``flac:`` or ``file:`` and 32 hexadecimal digits."""
    with path.open("rb") as file:
        header = _flac_sound(file)
        if header is not None:
            return "flac:" + digest_of(header)
    return "file:" + file_digest(path)


def _flac_sound(file: BufferedReader) -> bytes | None:
    """Return what identifies the sound of a FLAC file, None if this is none or has no MD5."""
    if file.read(4) != b"fLaC":
        return None
    sound = b""
    for _ in range(MOST_BLOCKS):
        head = file.read(4)
        if len(head) < 4:
            return None
        kind, length = head[0] & 0x7F, int.from_bytes(head[1:], "big")
        if kind == STREAMINFO and length == STREAMINFO_BYTES:
            sound = file.read(length)[SAME_SOUND]
        else:
            file.seek(length, os.SEEK_CUR)
        if head[0] & 0x80:  # the last block of metadata
            break
    else:
        return None
    audio_bytes = os.fstat(file.fileno()).st_size - file.tell()
    if len(sound) < 24 or not any(sound[8:]) or audio_bytes <= 0:
        return None
    return sound + audio_bytes.to_bytes(8, "big")
