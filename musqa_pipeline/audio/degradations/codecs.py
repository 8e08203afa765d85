"""The five lossy codecs of paper 001, table I, as degradations, at any rate and by quality.

Delays are those of streams written to a pipe, which carry no gapless header: constant, whatever
the bitrate. Ogg Vorbis and Opus streams declare theirs, and ffmpeg drops it by itself.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from musqa_pipeline.audio.degradations.applied import Applied, between, log_between
from musqa_pipeline.audio.degradations.ffmpeg import EncodeJob, encode, ffmpeg_version
from musqa_pipeline.audio.files.flac import to_int16

DEFAULT, VBR = "default", "vbr"
"""How an encoder is told what to do: by a bitrate, which it keeps in its own way (the paper's), or
by a quality alone. Other ways to keep a bitrate are named in `Codec.controls`."""


@dataclass(frozen=True)
class CodecParams:
    """Parameters of a codec."""

    bitrate_kbps: int | None
    """What the encoder is asked for; AAC stops at what its frames can hold. None for VBR."""
    control: str = DEFAULT
    """Key of `Codec.controls`, or `VBR`."""
    quality: float | None = None
    """The encoder's own scale of quality (ffmpeg's ``-q:a``), for VBR."""


@dataclass(frozen=True)
class Codec:
    """A lossy codec of ffmpeg."""

    name: str
    encoder: str
    """Name of ffmpeg's encoder."""
    muxer: str
    demuxer: str
    """Reads the stream from a pipe; ffmpeg has none called mp2 or opus."""
    delay_samples: int
    bitrates_kbps: tuple[int, ...]
    """Those of table I."""
    steps_kbps: tuple[int, ...]
    """All bitrates that the encoder takes in its default way for 48 kHz mono, from the lowest that
    is of use to the highest that differs from the one below."""
    controls: Mapping[str, Mapping[str, str]] = field(
        default_factory=lambda: {DEFAULT: {}}, hash=False
    )
    """Ways to keep a bitrate, with ffmpeg's options."""
    qualities: tuple[float, float] | None = None
    """Range of the quality for VBR, as the encoder counts; None if it has none."""

    def draw(self, rng: np.random.Generator) -> CodecParams:
        """Draw a way to control the rate, all equally likely, and a bitrate or a quality.

        Bitrates are uniform on a logarithmic scale, then the nearest that the encoder takes;
        qualities are uniform.
        """
        ways = [*self.controls, *([VBR] if self.qualities else [])]
        control = ways[int(rng.integers(len(ways)))]
        lowest, highest = self.steps_kbps[0], self.steps_kbps[-1]
        wanted_kbps = log_between(rng, lowest, highest)
        quality = between(rng, *(self.qualities or (0.0, 0.0)))
        if control == VBR:
            return CodecParams(None, VBR, quality)
        # Only its default way holds MP3 to the table of its standard.
        steps = self.steps_kbps if control == DEFAULT else range(lowest, highest + 1)
        nearest_kbps = min(steps, key=lambda kbps: abs(math.log(kbps / wanted_kbps)))
        return CodecParams(nearest_kbps, control)

    def apply(self, x: NDArray[np.float32], params: CodecParams) -> Applied:
        """Encode a signal, quantised to 16 bit before."""
        return encode_all([(to_int16(x), self, params)])[0]

    def options(self, params: CodecParams) -> tuple[tuple[str, str], ...]:
        """Return ffmpeg's options for parameters: names without their dash, and values."""
        if params.control == VBR:
            return (("q:a", f"{params.quality:g}"),)
        return (("b:a", f"{params.bitrate_kbps}k"), *self.controls[params.control].items())


_MPEG_1_KBPS = (32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)
"""Rates that layers II and III have in common (ISO/IEC 11172-3, 2.4.2.3)."""

MP2 = Codec(
    *("mp2", "mp2", "mp2", "mp3", 481),
    bitrates_kbps=(32, 48, 64, 96, 128, 192, 256, 320),
    steps_kbps=(*_MPEG_1_KBPS, 384),
)
MP3 = Codec(
    *("mp3", "libmp3lame", "mp3", "mp3", 1_105),
    bitrates_kbps=(32, 48, 64, 96, 128, 192, 256, 320),
    steps_kbps=(32, 40, *_MPEG_1_KBPS[1:]),
    controls={DEFAULT: {}, "abr": {"abr": "1"}},
    qualities=(0.0, 9.9),
)
ADTS = Codec(
    *("adts", "aac", "adts", "aac", 1_024),
    bitrates_kbps=(24, 32, 48, 64, 96, 128, 192, 256, 320, 512, 700),
    steps_kbps=tuple(range(20, 241)),
    qualities=(0.3, 2.1),
)
OGG = Codec(
    *("ogg", "libvorbis", "ogg", "ogg", 0),
    bitrates_kbps=(48, 64, 96, 128, 192),
    steps_kbps=tuple(range(32, 241)),
    qualities=(0.0, 10.0),
)
OPUS = Codec(
    *("opus", "libopus", "opus", "ogg", 0),
    bitrates_kbps=(24, 32, 48, 64, 96, 128, 160, 192, 256),
    steps_kbps=tuple(range(16, 257)),
    controls={DEFAULT: {}, "cbr": {"vbr": "off"}, "constrained": {"vbr": "constrained"}},
)


def encode_all(jobs: Sequence[tuple[NDArray[np.int16], Codec, CodecParams]]) -> list[Applied]:
    """Apply codecs to signals, many in one process.

    Parameters
    ----------
    jobs : sequence of (ndarray of int16, Codec, CodecParams)
        Signals of shape (samples,), mono, 48 kHz, each with its codec. Neighbours that hold the
        same array share it.

    Returns
    -------
    list of Applied
        In the order of the jobs.

    Raises
    ------
    ToolError
        If ffmpeg is missing or fails.
    """
    bitstreams = encode(
        [EncodeJob(pcm, c.encoder, c.muxer, c.options(params)) for pcm, c, params in jobs]
    )
    return [
        Applied(
            container=codec.demuxer,
            bitstream=bitstream,
            delay_samples=codec.delay_samples,
            gain_db=0.0,
            encoder=f"ffmpeg {ffmpeg_version()} {codec.encoder}",
        )
        for (_, codec, _), bitstream in zip(jobs, bitstreams, strict=True)
    ]
