"""Reading audio files in blocks: soundfile first, PyAV for what it refuses (M4A, AAC, ALAC, …).

Decoded samples are float32 of shape (frames, channels), full scale 1.0. Files are never held in
memory whole. Nothing here knows about catalogs or stages.
"""

from __future__ import annotations

import contextlib
from collections.abc import Generator, Iterator
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from musqa_pipeline.audio.files.av_reading import open_av
from musqa_pipeline.audio.files.lengths import (
    LOSSLESS_CODECS,
    MAX_LOSSY_SHORTFALL_S,
    MAX_SHORTFALL_S,
    AudioInfo,
    DecodeError,
    Length,
    LengthState,
    length_of,
)
from musqa_pipeline.audio.files.soundfile_names import codec_name, open_soundfile
from musqa_pipeline.audio.files.streaming import stream_piece

__all__ = (
    "AudioInfo",
    "DecodeError",
    "open_file",
    "read_blocks",
    "read_info",
    "require_whole",
    "to_mono",
)

BLOCK_FRAMES = 1 << 16
PREROLL_S = 2.0
"""Decoded and dropped before a part of an MPEG file: its frames borrow bits of up to 24 before."""
MAX_UNREAD_BYTES = 8192
"""A stream may end this much before its bytes do: a frame that was cut, and junk behind."""
_SEEKS_EXACTLY = frozenset({"FLAC", "WAV", "WAVEX", "RF64", "W64", "AIFF", "CAF", "AU"})
"""libsndfile's names of the formats that it seeks in to the sample; not of all codecs in them."""
_MPEG = "MP3"


@contextlib.contextmanager
def open_file(
    path: Path, *, start_frame: int = 0, n_frames: int | None = None
) -> Iterator[tuple[AudioInfo, Iterator[NDArray[np.float32]]]]:
    """Open a file for its header and for its samples, block by block.

    Blocks are float32 of shape (frames, channels), at most `BLOCK_FRAMES` frames, in new memory
    each time. They begin at `start_frame`, at the file's own rate, and go on for `n_frames`, or to
    the end. What comes before is skipped where the samples stay those of a whole decode
    (`AudioInfo.seeks`), else decoded and dropped.

    Raises
    ------
    DecodeError
        If neither soundfile nor PyAV knows the format, or the file ends before its header says; of
        the blocks, if decoding fails: the text says after how many seconds.
    OSError
        If the file cannot be opened.
    """
    with path.open("rb"):  # so that a missing permission is not taken for a broken file
        pass
    with contextlib.ExitStack() as stack:
        try:
            file = stack.enter_context(open_soundfile(path))
        except soundfile.LibsndfileError as error:
            info, blocks = stack.enter_context(open_av(path, error.error_string))
            first = 0
        else:
            length = length_of(path, file)
            info = _soundfile_info(file, length)
            first = _decoded_from(file, info, start_frame)
            blocks = (
                _stream_blocks(path, length, info)
                if length.pieces
                else _file_blocks(file, first, info)
            )
        trimmed = _trim(blocks, start_frame - first, n_frames)
        yield info, stack.enter_context(contextlib.closing(trimmed))


def read_info(path: Path) -> AudioInfo:
    """Read a file's header; see `open_file`."""
    with open_file(path) as (info, _):
        return info


def read_blocks(
    path: Path, *, start_frame: int = 0, n_frames: int | None = None
) -> Iterator[NDArray[np.float32]]:
    """Decode a file block by block; see `open_file`."""
    with open_file(path, start_frame=start_frame, n_frames=n_frames) as (_, blocks):
        yield from blocks


def _decoded_from(file: soundfile.SoundFile, info: AudioInfo, start_frame: int) -> int:
    """Return where decoding must begin to be exact at a frame."""
    if not info.seeks:
        return 0
    preroll_s = PREROLL_S if file.format == _MPEG else 0.0
    return max(0, min(start_frame - round(preroll_s * info.sample_rate_hz), info.declared_frames))


def _file_blocks(
    file: soundfile.SoundFile, first: int, info: AudioInfo
) -> Iterator[NDArray[np.float32]]:
    if first:
        file.seek(first)
    done = first
    try:
        while len(block := file.read(BLOCK_FRAMES, dtype="float32", always_2d=True)):
            done += len(block)
            yield block
    except soundfile.LibsndfileError as error:
        raise _stops(done, info, str(error)) from error


def _stream_blocks(path: Path, length: Length, info: AudioInfo) -> Iterator[NDArray[np.float32]]:
    """Decode pieces one after the other; each has to go to its end, in one format."""
    done = 0
    for piece in length.pieces:
        try:
            with stream_piece(path, piece) as stream:
                found = stream.file.samplerate, stream.file.channels
                if found != (info.sample_rate_hz, info.channels):
                    raise _stops(done, info, f"{found[0]} Hz and {found[1]} channels follow")
                while len(block := stream.read(BLOCK_FRAMES)):
                    done += len(block)
                    yield block
                unread = stream.count_unread()
        except soundfile.LibsndfileError as error:
            raise _stops(done, info, str(error)) from error
        if unread > MAX_UNREAD_BYTES:
            raise _stops(done, info, f"{unread:,} bytes that do not belong to it follow")


def _stops(done: int, info: AudioInfo, why: str) -> DecodeError:
    rate_hz = info.sample_rate_hz
    of = f" of {info.declared_frames / rate_hz:.1f} s" if info.declared_frames else ""
    return DecodeError(f"decoding stops after {done / rate_hz:.1f} s{of}: {why}")


def require_whole(n_frames: int, info: AudioInfo) -> None:
    """Raise `DecodeError` if a header promises more than decoded, beyond an encoder's padding."""
    rate_hz = info.sample_rate_hz
    allowed_s = MAX_LOSSY_SHORTFALL_S if info.is_lossy else MAX_SHORTFALL_S
    if n_frames + allowed_s * rate_hz < info.declared_frames:
        raise DecodeError(
            f"decoding stops after {n_frames / rate_hz:.1f} s "
            f"of {info.declared_frames / rate_hz:.1f} s"
        )


def to_mono(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """Mix frames of channels to their mean, in new memory, whatever their number and order."""
    mono = samples[:, 0].copy()
    for channel in samples.T[1:]:
        mono += channel
    mono /= np.float32(samples.shape[1])
    return mono


def _soundfile_info(file: soundfile.SoundFile, length: Length) -> AudioInfo:
    if length.state is LengthState.CONTRADICTED:
        raise DecodeError(length.why)
    try:
        copied = file.copy_metadata()
    except (UnicodeDecodeError, AttributeError):  # tags in an old 8-bit alphabet are no loss
        copied = {}
    tags = {key: copied[key] for key in ("title", "artist", "genre") if copied.get(key)}
    codec = codec_name(file)
    seeks = length.state is LengthState.KNOWN and (
        file.format == _MPEG
        or (
            file.format in _SEEKS_EXACTLY and (codec.startswith("pcm_") or codec in LOSSLESS_CODECS)
        )
    )
    return AudioInfo(file.samplerate, file.channels, codec, length.frames, tags, seeks)


def _trim(
    blocks: Iterator[NDArray[np.float32]], start_frame: int, n_frames: int | None
) -> Generator[NDArray[np.float32]]:
    """Cut a part out of a stream of blocks."""
    end = start_frame + n_frames if n_frames is not None else 1 << 62
    at = 0
    for block in blocks:
        part = block[max(0, start_frame - at) : max(0, end - at)]
        at += len(block)
        if len(part):
            yield part
        if at >= end:
            return
