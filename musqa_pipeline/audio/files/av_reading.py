"""Reading with PyAV what soundfile refuses: M4A, AAC, ALAC and whatever else FFmpeg decodes.

Neither a file's name nor its content leads to another file. FFmpeg reads playlists (HLS, DASH,
concat) like any format, whatever a file is called: a hostile file in a catalog, or one that is sent
to the server, would have other files of the machine decoded in its place. And a file called
``concat:a|b`` or ``http:…`` is a protocol to it. So the name is given as one of the protocol
``file``, and only formats that hold their audio themselves are opened.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from musqa_pipeline.audio.files.lengths import AudioInfo, DecodeError, contradiction_of

FORMATS = (
    "3g2", "3gp", "aa", "aac", "aax", "ac3", "ac4", "act", "adts", "adx", "aea", "aiff", "amr",
    "amrnb", "amrwb", "apac", "ape", "aptx", "aptx_hd", "asf", "ast", "au", "avi", "avr", "bonk",
    "caf", "dsf", "dts", "dtshd", "dv", "eac3", "f4v", "flac", "flv", "gsm", "gxf", "hca", "iamf",
    "iff", "ilbc", "ipod", "ircam", "ismv", "latm", "lc3", "loas", "m4a", "matroska", "mca", "mj2",
    "mlp", "mmf", "mov", "mp2", "mp3", "mp4", "mpc", "mpc8", "mpeg", "mpegts", "mxf", "nistsphere",
    "nut", "oga", "ogg", "ogv", "oma", "opus", "osq", "paf", "pvf", "qcp", "qoa", "rka", "rm",
    "rso", "sbc", "sds", "shn", "siff", "sol", "sox", "spdif", "spx", "svs", "swf", "tak", "truehd",
    "tta", "vob", "voc", "vqf", "w64", "wav", "wavarc", "webm", "wsd", "wtv", "wv", "wve", "xa",
    "xwma",
)  # fmt: skip
"""FFmpeg's names of the formats that may be opened; no playlist is among them."""
_PROMISING_FORMATS = frozenset({"mov,mp4,m4a,3gp,3g2,mj2", "caf", "matroska,webm", "tta", "wv"})
"""Formats whose duration is what their header says; FFmpeg reckons others from a bitrate."""


def _open(path: Path, refusal: str) -> tuple[Any, Any]:
    """Open with PyAV; `refusal` is what soundfile said."""
    try:
        import av
    except ImportError as error:
        raise DecodeError(f"{refusal} (and PyAV, which reads more formats, is absent)") from error
    try:
        container = av.open(
            f"file:{os.fspath(path)}",
            metadata_errors="replace",
            options={"format_whitelist": ",".join(FORMATS), "protocol_whitelist": "file"},
        )
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


@contextlib.contextmanager
def open_av(path: Path, refusal: str) -> Iterator[tuple[AudioInfo, Iterator[NDArray[np.float32]]]]:
    """Open a file with PyAV; `refusal` is what soundfile, which refuses the file, said of it.

    Gives the header, and blocks of float32 of shape (frames, channels) from the beginning, without
    the encoder's delay and padding where the container tells them; PyAV's seeking is not exact.
    Raises `DecodeError` if PyAV is absent, knows no audio in the file, or the file ends before its
    header says; the blocks raise it after how many seconds decoding fails.
    """
    container, stream = _open(path, refusal)
    with container:
        why = contradiction_of(path)
        if why:
            raise DecodeError(why)
        context = stream.codec_context
        codec = context.codec.canonical_name
        found = {
            key.lower(): value for key, value in {**container.metadata, **stream.metadata}.items()
        }
        tags = {key: found[key] for key in ("title", "artist", "genre") if found.get(key)}
        frames = round(_promised_s(container, stream) * context.sample_rate)
        info = AudioInfo(context.sample_rate, context.channels, codec, frames, tags)
        yield info, _blocks(container, stream)


def _promised_s(container: Any, stream: Any) -> float:
    """Return how long the header says that the audio is; 0 if it does not say."""
    if container.format.name not in _PROMISING_FORMATS:
        return 0.0
    if stream.duration is not None:
        return max(0.0, float(stream.duration * stream.time_base))
    # That of a file is that of its longest stream, which may be its video.
    is_alone = len(container.streams) == 1 and container.duration is not None
    return max(0.0, container.duration / 1e6) if is_alone else 0.0


def _blocks(container: Any, stream: Any) -> Iterator[NDArray[np.float32]]:
    import av

    rate = stream.codec_context.sample_rate
    # Same layout and rate as the file: only the sample format changes.
    resampler = av.AudioResampler(format="flt", layout=None, rate=None)
    channels = done = 0
    try:
        for frame in container.decode(stream):
            for converted in resampler.resample(frame):
                n_channels = converted.layout.nb_channels
                if channels and n_channels != channels:
                    raise DecodeError(
                        f"channels change from {channels} to {n_channels} after {done / rate:.1f} s"
                    )
                channels = n_channels
                block = np.asarray(converted.to_ndarray(), np.float32).reshape(-1, channels)
                block = block[: _wanted_samples(frame)]
                done += len(block)
                yield block
    except (av.error.FFmpegError, ValueError) as error:
        raise DecodeError(f"decoding stops after {done / max(rate, 1):.1f} s: {error}") from error


def _wanted_samples(frame: Any) -> int:
    """Return how much of a frame is no padding: MP4 tells it as the last frame's duration."""
    exact = frame.time_base is not None and frame.time_base * frame.sample_rate == 1
    return min(frame.duration, frame.samples) if exact and frame.duration else frame.samples
