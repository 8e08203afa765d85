"""What a file's header says, whichever decoder read it."""

from __future__ import annotations

from dataclasses import dataclass, field

LOSSLESS_CODECS = frozenset(
    {"flac", "alac", "wavpack", "ape", "tta", "shorten", "mlp", "truehd", "als", "wmalossless"}
)


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
