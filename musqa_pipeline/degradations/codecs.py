"""The five lossy codecs of paper 001, table I, as degradations.

Delays are those of streams written to a pipe, which carry no gapless header: constant, whatever
the bitrate. Ogg Vorbis and Opus streams declare theirs, and ffmpeg drops it by itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from musqa_pipeline.degradations.applied import Applied, to_int16
from musqa_pipeline.degradations.streams import EncodeJob, encode, ffmpeg_version


@dataclass(frozen=True)
class CodecParams:
    """Parameters of a codec."""

    bitrate_kbps: int
    """What the encoder is asked for; AAC stops at what its frames can hold."""


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
    """Those of table I, from which `draw` takes one."""

    def draw(self, rng: np.random.Generator) -> CodecParams:
        """Draw one of the bitrates of table I, all equally likely."""
        return CodecParams(bitrate_kbps=int(rng.choice(self.bitrates_kbps)))

    def apply(self, x: NDArray[np.float32], params: CodecParams) -> Applied:
        """Encode a signal, quantised to 16 bit before."""
        return encode_all([(to_int16(x), self, params)])[0]


MP2 = Codec("mp2", "mp2", "mp2", "mp3", 481, (32, 48, 64, 96, 128, 192, 256, 320))
MP3 = Codec("mp3", "libmp3lame", "mp3", "mp3", 1_105, (32, 48, 64, 96, 128, 192, 256, 320))
ADTS = Codec(
    "adts", "aac", "adts", "aac", 1_024, (24, 32, 48, 64, 96, 128, 192, 256, 320, 512, 700)
)
OGG = Codec("ogg", "libvorbis", "ogg", "ogg", 0, (48, 64, 96, 128, 192))
OPUS = Codec("opus", "libopus", "opus", "ogg", 0, (24, 32, 48, 64, 96, 128, 160, 192, 256))


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
        [EncodeJob(pcm, c.encoder, c.muxer, params.bitrate_kbps) for pcm, c, params in jobs]
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
