"""Reading audio files in blocks: soundfile first, PyAV for what it refuses (M4A, AAC, ALAC, …).

Decoded samples are float32 of shape (frames, channels), full scale 1.0. Files are never held in
memory whole. Nothing here knows about catalogs or stages.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from numpy.typing import NDArray

from musqa_pipeline.tracks.av_container import open_container
from musqa_pipeline.tracks.soundfile_names import codec_name, open_soundfile

BLOCK_FRAMES = 1 << 16
MAX_SHORTFALL_S = 0.1
"""A header may promise this much more than decodes, for an encoder's padding."""
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
    """Frames according to the header; 0 where it does not say."""
    tags: dict[str, str] = field(default_factory=dict)
    """`title`, `artist` and `genre`, where the file has them."""

    @property
    def is_lossy(self) -> bool:
        """Whether the codec throws anything away; companded PCM does."""
        companded = self.codec in ("pcm_mulaw", "pcm_alaw")
        return companded or not (self.codec.startswith("pcm_") or self.codec in LOSSLESS_CODECS)


def read_info(path: Path) -> AudioInfo:
    """Read a file's header.

    Parameters
    ----------
    path : Path
        An audio file.

    Returns
    -------
    AudioInfo
        Rate, channels, codec, declared length and tags.

    Raises
    ------
    DecodeError
        If neither soundfile nor PyAV knows the format.
    OSError
        If the file cannot be opened.
    """
    with path.open("rb"):  # so that a missing permission is not taken for a broken file
        pass
    try:
        with open_soundfile(path) as file:
            return _soundfile_info(file)
    except soundfile.LibsndfileError as error:
        return _av_info(path, error.error_string)


def read_blocks(
    path: Path, *, start_frame: int = 0, n_frames: int | None = None
) -> Iterator[NDArray[np.float32]]:
    """Decode a file block by block.

    Parameters
    ----------
    path : Path
        An audio file.
    start_frame : int
        First frame wanted, at the file's own rate. soundfile seeks there, to the sample; what
        PyAV reads is decoded from its beginning, because its seeking is not exact.
    n_frames : int, optional
        Frames wanted; all to the end when left out.

    Yields
    ------
    ndarray of float32, shape (frames, channels)
        At most `BLOCK_FRAMES` frames; new memory each time.

    Raises
    ------
    DecodeError
        If decoding fails, at the start or on the way; the text says after how many seconds.
    OSError
        If the file cannot be opened.
    """
    with path.open("rb"):
        pass
    try:
        file = open_soundfile(path)
    except soundfile.LibsndfileError as error:
        yield from _trim(_av_blocks(path, error.error_string), start_frame, n_frames)
        return
    with file:
        left = n_frames if n_frames is not None else 1 << 62
        done = start_frame
        try:
            if start_frame:
                file.seek(start_frame)
            while left > 0:
                block = file.read(min(left, BLOCK_FRAMES), dtype="float32", always_2d=True)
                if not len(block):
                    return
                left -= len(block)
                done += len(block)
                yield block
        except soundfile.LibsndfileError as error:
            raise DecodeError(
                f"decoding stops after {done / file.samplerate:.1f} s of "
                f"{file.frames / file.samplerate:.1f} s: {error}"
            ) from error


def require_whole(n_frames: int, info: AudioInfo) -> None:
    """Check that a file decoded to its end.

    Parameters
    ----------
    n_frames : int
        What decoded.
    info : AudioInfo
        The file's header.

    Raises
    ------
    DecodeError
        If the header promises more, beyond an encoder's padding.
    """
    rate_hz = info.sample_rate_hz
    if n_frames + MAX_SHORTFALL_S * rate_hz < info.declared_frames:
        raise DecodeError(
            f"decoding stops after {n_frames / rate_hz:.1f} s "
            f"of {info.declared_frames / rate_hz:.1f} s"
        )


def read_span(path: Path, start_frame: int, n_frames: int) -> NDArray[np.float32]:
    """Decode a part of a file.

    Parameters
    ----------
    path : Path
        An audio file.
    start_frame, n_frames : int
        The part, in frames at the file's own rate.

    Returns
    -------
    ndarray of float32, shape (frames, channels)
        Fewer than `n_frames` where the file ends.

    Raises
    ------
    DecodeError
        If decoding fails or nothing is there.
    OSError
        If the file cannot be opened.
    """
    blocks = list(read_blocks(path, start_frame=start_frame, n_frames=n_frames))
    if not blocks:
        raise DecodeError(f"no audio at frame {start_frame}")
    return np.concatenate(blocks)


def to_mono(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """Mix channels to one: their mean, whatever their number and order.

    Parameters
    ----------
    samples : ndarray of float32, shape (frames, channels)
        Decoded audio.

    Returns
    -------
    ndarray of float32, shape (frames,)
        New memory.
    """
    mono = samples[:, 0].copy()
    for channel in samples.T[1:]:
        mono += channel
    mono /= np.float32(samples.shape[1])
    return mono


def _soundfile_info(file: soundfile.SoundFile) -> AudioInfo:
    try:
        copied = file.copy_metadata()
    except (UnicodeDecodeError, AttributeError):  # tags in an old 8-bit alphabet are no loss
        copied = {}
    tags = {key: copied[key] for key in ("title", "artist", "genre") if copied.get(key)}
    return AudioInfo(file.samplerate, file.channels, codec_name(file), file.frames, tags)


def _open_av(path: Path, refusal: str) -> tuple[Any, Any]:
    """Open with PyAV; `refusal` is what soundfile said."""
    try:
        import av
    except ImportError as error:
        raise DecodeError(f"{refusal} (and PyAV, which reads more formats, is absent)") from error
    try:
        container = open_container(path)
    except av.error.ArgumentError as error:  # none of the formats that are opened
        raise DecodeError("the file holds no audio stream (a picture, a playlist …)") from error
    except (av.error.FFmpegError, ValueError, UnicodeEncodeError) as error:
        # Not `refusal`: libsndfile says "does not exist" of whatever it does not know.
        reason = error.strerror if isinstance(error, av.error.FFmpegError) else error
        raise DecodeError(f"no known audio format: {reason}") from error
    stream = next(iter(container.streams.audio), None)
    if stream is None or stream.codec_context is None:
        container.close()
        what = "no audio stream" if stream is None else "audio of an unknown codec"
        raise DecodeError(f"the file holds {what}")
    return container, stream


def _av_info(path: Path, refusal: str) -> AudioInfo:
    container, stream = _open_av(path, refusal)
    with container:
        context = stream.codec_context
        codec = context.codec.canonical_name
        found = {
            key.lower(): value for key, value in {**container.metadata, **stream.metadata}.items()
        }
        tags = {key: found[key] for key in ("title", "artist", "genre") if found.get(key)}
        # Durations in containers are approximate: never a reason to call a file truncated.
        return AudioInfo(context.sample_rate, context.channels, codec, 0, tags)


def _av_blocks(path: Path, refusal: str) -> Iterator[NDArray[np.float32]]:
    import av

    container, stream = _open_av(path, refusal)
    with container:
        rate = stream.codec_context.sample_rate
        # Same layout and rate as the file: only the sample format changes.
        resampler = av.AudioResampler(format="flt", layout=None, rate=None)
        channels = 0
        done = 0
        try:
            for frame in container.decode(stream):
                for converted in resampler.resample(frame):
                    n_channels = converted.layout.nb_channels
                    if channels and n_channels != channels:
                        raise DecodeError(
                            f"channels change from {channels} to {n_channels} "
                            f"after {done / rate:.1f} s"
                        )
                    channels = n_channels
                    block = np.asarray(converted.to_ndarray(), np.float32).reshape(-1, channels)
                    done += len(block)
                    yield block
        except (av.error.FFmpegError, ValueError) as error:
            raise DecodeError(
                f"decoding stops after {done / max(rate, 1):.1f} s: {error}"
            ) from error


def _trim(
    blocks: Iterator[NDArray[np.float32]], start_frame: int, n_frames: int | None
) -> Iterator[NDArray[np.float32]]:
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
