"""What a file's header says, and how long the file is by it: known, unknown or contradicted.

That is decided here for all who read. What soundfile says of a length is of three kinds: a promise
of the header, a guess, and what the file happens to hold. Only a promise can be broken, and a guess
must not end a file.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

import soundfile

from musqa_pipeline.audio.files.chunks import audio_chunk
from musqa_pipeline.audio.files.mpeg_header import mpeg_stream
from musqa_pipeline.audio.files.ogg_pages import ogg_pages

LOSSLESS_CODECS = frozenset(
    {"flac", "alac", "wavpack", "ape", "tta", "shorten", "mlp", "truehd", "als", "wmalossless"}
)
MAX_SHORTFALL_S = 0.1
"""A header may promise this much more than there is; programs count a last block differently."""
MAX_LOSSY_SHORTFALL_S = 0.5
"""The same for lossy codecs, whose delay and padding a header may count."""
BROKEN_OGG = "it ends in the middle of a page of Ogg"


class DecodeError(Exception):
    """A file cannot be decoded, or not to its end; the text says what was found."""


@dataclass(frozen=True)
class AudioInfo:
    """What a file's header says."""

    sample_rate_hz: int
    channels: int
    codec: str
    """ffmpeg's name of the codec, such as flac, pcm_s16le, mp3, aac."""
    declared_frames: int
    """Frames that the header promises; 0 where it leaves the length open."""
    tags: dict[str, str] = field(default_factory=dict)
    """`title`, `artist` and `genre`, where the file has them."""
    seeks: bool = False
    """Whether a part can be read without what comes before it, to the same samples."""

    @property
    def is_lossy(self) -> bool:
        """Whether the codec throws anything away; companded PCM does."""
        companded = self.codec in ("pcm_mulaw", "pcm_alaw")
        return companded or not (self.codec.startswith("pcm_") or self.codec in LOSSLESS_CODECS)


class LengthState(StrEnum):
    """What is known of a file's length before it is decoded."""

    KNOWN = "known"
    UNKNOWN = "unknown"
    """The header leaves it open, as one that was written to a pipe does: it ends where it ends."""
    CONTRADICTED = "contradicted"
    """The file ends before its header says."""


@dataclass(frozen=True)
class Piece:
    """A stretch of a file that is decoded as a stream of its own."""

    head: bytes
    """What comes before `start`, in place of the file's own bytes."""
    start: int
    stop: int


@dataclass(frozen=True)
class Length:
    """How long a file is by its header."""

    state: LengthState
    frames: int = 0
    """What the header promises; 0 if the length is unknown."""
    pieces: tuple[Piece, ...] = ()
    """What to decode one after the other where soundfile would not read the file to its end."""
    why: str = ""
    """How the file contradicts its header."""


def length_of(path: Path, file: soundfile.SoundFile) -> Length:
    """Decide how long a file, which is open, says that it is.

    A contradiction that only decoding shows is not among it: see `reading.require_whole`.
    """
    if file.format == "OGG":
        return _ogg_length(path, file)
    if file.format == "MP3":
        stream = mpeg_stream(path)
        if stream.is_counted:
            return Length(LengthState.KNOWN, file.frames)
        piece = Piece(stream.head, stream.start, stream.stop)
        return Length(LengthState.UNKNOWN, pieces=(piece,))
    if not 0 < file.frames < 1 << 62:  # libsndfile's word for a FLAC that does not say
        return Length(LengthState.UNKNOWN)
    return _chunk_length(path, file)


def contradiction_of(path: Path) -> str:
    """Say how a file that soundfile does not read contradicts its own header.

    Empty if it does not, or its container is none that is looked into here.
    """
    with path.open("rb") as file:
        is_ogg = file.read(4) == b"OggS"
    if is_ogg:
        return BROKEN_OGG if ogg_pages(path).is_broken_off else ""
    chunk = audio_chunk(path)
    if chunk is None or chunk.promised_bytes is None or chunk.promised_bytes <= chunk.held_bytes:
        return ""
    return f"it holds {chunk.held_bytes:,} of the {chunk.promised_bytes:,} bytes of audio promised"


def _chunk_length(path: Path, file: soundfile.SoundFile) -> Length:
    chunk = audio_chunk(path)
    if chunk is None:
        return Length(LengthState.KNOWN, file.frames)
    if chunk.promised_bytes is None:
        return Length(LengthState.UNKNOWN)
    promised = round(file.frames * chunk.promised_bytes / max(chunk.held_bytes, 1))
    if promised <= file.frames + MAX_SHORTFALL_S * file.samplerate:
        return Length(LengthState.KNOWN, file.frames)
    why = (
        f"it ends after {file.frames / file.samplerate:.1f} s, "
        f"its header promises {promised / file.samplerate:.1f} s"
    )
    return Length(LengthState.CONTRADICTED, promised, why=why)


def _ogg_length(path: Path, file: soundfile.SoundFile) -> Length:
    pages = ogg_pages(path)
    if pages.is_broken_off:
        return Length(LengthState.CONTRADICTED, why=BROKEN_OGG)
    if len(pages.links) > 1:
        pieces = tuple(Piece(b"", start, stop) for start, stop in pages.links)
        return Length(LengthState.UNKNOWN, pieces=pieces)
    if not (pages.has_end and file.frames > 0):
        return Length(LengthState.UNKNOWN)
    return Length(LengthState.KNOWN, file.frames)
