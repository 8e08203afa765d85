"""Audio of any file in blocks of one size, with limits that hostile files run into.

soundfile reads in this process. What it refuses (M4A, AAC, ALAC, …) is decoded by PyAV in a
process of its own, so that a crash of that decoder is an error of one file; that needs the extra
`[m4a]`. Blocks are cut alike whatever the decoder's own are, so that a container changes nothing.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from musqa_pipeline.audio.files.blocks import rechunked
from musqa_pipeline.audio.files.decode_process import decoder
from musqa_pipeline.audio.files.limits import MAX_DURATION_S, check_declared, check_limits, too_long
from musqa_pipeline.audio.files.reading import AudioInfo, DecodeError, open_file, require_whole
from musqa_pipeline.audio.files.soundfile_names import open_soundfile
from musqa_pipeline.core.errors import UnfitInputError

Opened = AbstractContextManager[tuple[AudioInfo, Iterator[NDArray[np.float32]]]]


@dataclass(frozen=True)
class Audio:
    """A file that is being read."""

    info: AudioInfo
    blocks: Iterator[NDArray[np.float32]]
    """Of shape (frames, channels); may be asked for once."""


@contextmanager
def open_audio(
    path: Path,
    *,
    start_frame: int = 0,
    n_frames: int | None = None,
    max_duration_s: float = MAX_DURATION_S,
) -> Iterator[Audio]:
    """Open a file and read it block by block.

    Parameters
    ----------
    path : Path
    start_frame, n_frames : int
        The part that is wanted, all when left out; its samples are those of a whole decode. Where
        `AudioInfo.seeks` is false, all that comes before is decoded too.
    max_duration_s : float
        What is longer, by its header or when decoded, is refused.

    Yields
    ------
    Audio
        Header and blocks. At the end of the whole file it is checked that the file is as long as
        its header says and did not change while it was read.

    Raises
    ------
    UnfitInputError
        If the file is missing, may not be read, is empty, no audio, damaged, out of the limits,
        or changed meanwhile; the reason is one word for each.
    """
    before = _stamp(path)
    whole = start_frame == 0 and n_frames is None
    try:
        # soundfile is asked about the file alone: PyAV may only be imported by a child.
        with _opener(path)(path, start_frame=start_frame, n_frames=n_frames) as (info, source):
            check_limits(info.sample_rate_hz, info.channels)
            check_declared(info.declared_frames, info.sample_rate_hz, max_duration_s)
            blocks = _same_size(source, info, max_duration_s)
            yield Audio(info, _checked(blocks, path, info, before) if whole else blocks)
    except DecodeError as error:
        if _stamp(path) != before:
            raise _changed() from error
        raise UnfitInputError(
            "damaged", str(error), "get the file again, or export it anew from its source"
        ) from error
    except OSError as error:
        raise UnfitInputError(
            "unreadable", error.strerror or str(error), "check the path and your permission"
        ) from error


def read_length(path: Path) -> tuple[AudioInfo, int]:
    """Tell how long a recording is, by its header or, where that leaves it open, by decoding.

    Returns
    -------
    info : AudioInfo
    n_frames : int
        Its length at its own rate, at least 1.

    Raises
    ------
    UnfitInputError
        As of `open_audio`.
    """
    with open_audio(path, n_frames=0) as audio:
        info = audio.info
    if info.declared_frames:
        return info, info.declared_frames
    with open_audio(path) as audio:
        return info, sum(len(block) for block in audio.blocks)


def _stamp(path: Path) -> tuple[int, int, int]:
    """Inode, size and time of change; a device or a folder is refused."""
    try:
        found = path.stat()
    except OSError as error:
        raise UnfitInputError(
            "unreadable", error.strerror or str(error), "check the path and your permission"
        ) from error
    except ValueError as error:  # a zero byte in the name
        raise UnfitInputError("unreadable", str(error), "check the path") from error
    if not path.is_file():
        raise UnfitInputError("unreadable", "it is no regular file", "name an audio file")
    if found.st_size == 0:
        raise UnfitInputError("empty", "the file has 0 bytes", "get the file again")
    return found.st_ino, found.st_size, found.st_mtime_ns


def _changed() -> UnfitInputError:
    return UnfitInputError(
        "changed", "the file changed while it was read", "wait until it is written, then try again"
    )


def _same_size(
    blocks: Iterable[NDArray[np.float32]], info: AudioInfo, max_duration_s: float
) -> Iterator[NDArray[np.float32]]:
    n_frames = 0
    for block in rechunked(blocks, info.channels):
        if block.shape[1] != info.channels:
            raise DecodeError(f"{block.shape[1]} channels decoded, {info.channels} declared")
        n_frames += len(block)
        if n_frames > max_duration_s * info.sample_rate_hz:
            raise too_long("it goes on decoding", max_duration_s)
        yield block


def _checked(
    blocks: Iterator[NDArray[np.float32]], path: Path, info: AudioInfo, before: tuple[int, int, int]
) -> Iterator[NDArray[np.float32]]:
    n_frames = 0
    for block in blocks:
        n_frames += len(block)
        yield block
    if _stamp(path) != before:
        raise _changed()
    if n_frames == 0:
        raise DecodeError("it holds no sample")
    require_whole(n_frames, info)


def _opener(path: Path) -> Callable[..., Opened]:
    """Choose this process, or for what soundfile refuses one of its own."""
    try:
        with path.open("rb"), open_soundfile(path):
            return open_file
    except soundfile.LibsndfileError as error:
        if importlib.util.find_spec("av") is None:
            raise UnfitInputError(
                "unknown_format",
                f"soundfile cannot read it ({_refusal(error)})",
                "M4A, AAC and ALAC need: pip install 'musqa-pipeline[m4a]'",
            ) from error
        return decoder


def _refusal(error: soundfile.LibsndfileError) -> str:
    """Return why a file that can be opened is refused; libsndfile calls a bad MP3 no file."""
    text = str(error.error_string).rstrip(".")
    return "format not recognised" if "does not exist" in text else text[:1].lower() + text[1:]
