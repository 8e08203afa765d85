"""What soundfile is told of a file's name, and ffmpeg's names for what it says of codecs."""

from __future__ import annotations

import os
from pathlib import Path

import soundfile

_SUBTYPES = {
    "PCM_S8": "pcm_s8", "PCM_U8": "pcm_u8", "PCM_16": "pcm_s16", "PCM_24": "pcm_s24",
    "PCM_32": "pcm_s32", "FLOAT": "pcm_f32", "DOUBLE": "pcm_f64", "VORBIS": "vorbis",
    "OPUS": "opus", "MPEG_LAYER_I": "mp1", "MPEG_LAYER_II": "mp2", "MPEG_LAYER_III": "mp3",
    "ALAC_16": "alac", "ALAC_20": "alac", "ALAC_24": "alac", "ALAC_32": "alac",
    "ULAW": "pcm_mulaw", "ALAW": "pcm_alaw",
}  # fmt: skip
_BIG_ENDIAN = {"AIFF", "AU", "CAF"}
_UNRECOGNISED_FORMAT = 1
"""libsndfile's SF_ERR_UNRECOGNISED_FORMAT."""


class StreamedFile(soundfile.SoundFile):
    """A file whose reads go on where the last one ended.

    python-soundfile seeks after each read of a seekable file, and a decoder that is made to seek
    starts anew, without what frames before left to it: an MP3 read in blocks had other samples at
    each border. `seek` still seeks.
    """

    def seekable(self) -> bool:
        """Keep python-soundfile from seeking."""
        return False


def open_soundfile(path: Path) -> soundfile.SoundFile:
    """Open a file with soundfile; the caller closes it.

    `LibsndfileError` if it is refused, also for the ending ``.raw``, of which it would ask for a
    rate.
    """
    if path.suffix.lower() == ".raw":
        raise soundfile.LibsndfileError(_UNRECOGNISED_FORMAT)
    return StreamedFile(os.fsencode(path.absolute()))  # "-" alone is standard input to it


def codec_name(file: soundfile.SoundFile) -> str:
    """Name a file's codec as ffmpeg does, such as flac, pcm_s16le, mp3 or vorbis."""
    codec = _SUBTYPES.get(file.subtype, file.subtype.lower())
    if file.format == "FLAC":
        codec = "flac"
    elif codec.startswith("pcm_") and codec[-2:] in ("16", "24", "32", "64"):
        big = file.endian == "BIG" or (file.endian == "FILE" and file.format in _BIG_ENDIAN)
        codec += "be" if big else "le"
    return codec
