"""One reference through one codec at several bitrates: real bitrate, ViSQOL and the model."""

from __future__ import annotations

import functools
import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from musqa_pipeline.audio.constants import EXCERPT_SAMPLES, SAMPLE_RATE_HZ
from musqa_pipeline.audio.degradations.codecs import CodecParams, encode_all
from musqa_pipeline.audio.degradations.ffmpeg import decode
from musqa_pipeline.audio.degradations.rebuild import cut
from musqa_pipeline.audio.metrics.visqol import Reference
from musqa_pipeline.core.errors import ToolError
from musqa_pipeline.scoring.scorer import Scorer
from musqa_pipeline.scoring.sweep.rates import codec_named
from musqa_pipeline.scoring.sweep.references import SweepReference


@dataclass(frozen=True)
class SweepTask:
    """A reference and a codec; a worker's unit of work."""

    reference: SweepReference
    codec: str
    """Key of `rates.CODECS`; empty for the reference itself, which the model alone scores."""
    asked_kbps: tuple[int, ...]
    model: Path | None
    """Model file; the default one if None."""


@dataclass(frozen=True)
class Point:
    """One degraded excerpt with what is known of it."""

    recording: str
    excerpt: int
    codec: str
    """Empty for the reference itself."""
    asked_kbps: int | None
    bitrate_kbps: float | None
    """Bits of all packets over their time; None for the reference."""
    visqol_mos: float | None
    """None for the reference, whose score against itself is known."""
    model_mos: float | None
    """None where the model abstains."""


def measure(task: SweepTask) -> list[Point]:
    """Encode, decode and score in a worker process; one point a bitrate, in their order.

    Raise ToolError if ffmpeg is missing or fails.
    """
    reference, scorer = task.reference, _scorer(task.model)
    whole = reference.pcm.astype(np.float32) / np.float32(32768.0)
    clean = whole[:EXCERPT_SAMPLES]
    if not task.codec:
        mos = _model_mos(scorer, clean)
        return [Point(reference.recording, reference.index, "", None, None, None, mos)]
    codec = codec_named(task.codec)
    coded = encode_all([(reference.pcm, codec, CodecParams(kbps)) for kbps in task.asked_kbps])
    decoded = decode([(applied.container, applied.bitstream) for applied in coded])
    metric = Reference(clean)
    points = []
    for asked_kbps, applied, samples in zip(task.asked_kbps, coded, decoded, strict=True):
        heard = cut(samples, applied.delay_samples)
        points.append(
            Point(
                reference.recording,
                reference.index,
                task.codec,
                asked_kbps,
                coded_kbps(applied.container, applied.bitstream),
                metric.score(heard).mos,
                _model_mos(scorer, heard),
            )
        )
    return points


def coded_kbps(container: str, bitstream: bytes) -> float:
    """Measure the bitrate of a stream (mp3, aac or ogg), without container and headers, in kbit/s.

    Ogg pages and the headers of Vorbis (4 kB, which a song spreads over minutes) are not counted;
    the 7 bytes that begin an ADTS frame are. Raise ToolError if there are no packets to be read.
    """
    import av

    n_bytes, duration_s, problem = 0, 0.0, "no packets"
    try:
        with av.open(io.BytesIO(bitstream), "r", format=container) as opened:
            for packet in opened.demux(audio=0):
                if packet.size and packet.duration and packet.time_base:
                    n_bytes += packet.size
                    duration_s += float(packet.duration * packet.time_base)
    except av.error.FFmpegError as error:
        problem = error.strerror or "damaged"
    if not duration_s:
        raise ToolError(
            f"a coded stream ({container}, {len(bitstream)} bytes) cannot be read back: {problem}; "
            "use the ffmpeg that imageio-ffmpeg ships"
        )
    return 8e-3 * n_bytes / duration_s


@functools.cache
def _scorer(model: Path | None) -> Scorer:
    return Scorer(model, detect=False)


def _model_mos(scorer: Scorer, samples: NDArray[np.float32]) -> float | None:
    return scorer.score(samples[:, None], SAMPLE_RATE_HZ).mos
