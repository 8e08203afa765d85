"""Monitoring of a live stream: raw audio in, the score of the last seconds again and again."""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from typing import IO

import numpy as np
from numpy.typing import NDArray

from musqa_pipeline.audio.constants import EXCERPT_S
from musqa_pipeline.audio.files.limits import check_level, check_limits
from musqa_pipeline.audio.files.reading import to_mono
from musqa_pipeline.scoring.combine import window_score
from musqa_pipeline.scoring.score import WindowScore
from musqa_pipeline.scoring.scorer import Scorer
from musqa_pipeline.scoring.windows import checked_lengths

DEFAULT_HOP_S = 5.0
READ_S = 0.25


class SampleFormat(StrEnum):
    """How raw samples are written, little-endian, channels interleaved."""

    f32le = "f32le"
    s16le = "s16le"


_TYPES = {SampleFormat.f32le: "<f4", SampleFormat.s16le: "<i2"}


def raw_blocks(
    stream: IO[bytes], sample_rate_hz: int, channels: int, sample_format: SampleFormat
) -> Iterator[NDArray[np.float32]]:
    """Read raw audio as it comes, float32 (frames, channels) of full scale 1.0.

    What is not finite is 0. A last frame that is not whole is left out.
    """
    kind = np.dtype(_TYPES[sample_format])
    frame_bytes = kind.itemsize * channels
    wanted = max(1, int(READ_S * sample_rate_hz)) * frame_bytes
    while data := stream.read(wanted):
        whole = len(data) - len(data) % frame_bytes
        samples = np.frombuffer(data[:whole], kind).reshape(-1, channels).astype(np.float32)
        if kind.kind == "i":
            samples /= np.float32(1 << 15)
        check_level(samples)
        yield np.nan_to_num(samples, nan=0.0, posinf=0.0, neginf=0.0)


def monitor(
    stream: IO[bytes],
    scorer: Scorer,
    *,
    sample_rate_hz: int,
    channels: int,
    sample_format: SampleFormat = SampleFormat.f32le,
    window_s: float = EXCERPT_S,
    hop_s: float = DEFAULT_HOP_S,
) -> Iterator[WindowScore]:
    """Score the last seconds of a stream, again after each `hop_s` of it, for as long as it lasts.

    Parameters
    ----------
    stream, scorer : binary file, Scorer
        Raw audio; who scores.
    sample_rate_hz, channels, sample_format : int, int, SampleFormat
        Of the stream.
    window_s : float
        How much is heard each time, 3 to 10 s.
    hop_s : float
        From one score to the next, by the stream's own time; at least 0.5 s.

    Yields
    ------
    WindowScore
        At once when its last sample is read. Memory does not grow.

    Raises
    ------
    SettingsError
        If a length is out of range.
    UnfitInputError
        If the rate or the number of channels is, the level is one that no audio has, or the model
        has no answer.
    """
    check_limits(sample_rate_hz, channels)
    checked_lengths(window_s, hop_s)
    window, seen, n_scored = round(window_s * sample_rate_hz), 0, 0
    kept = np.zeros(0, np.float32)
    for block in raw_blocks(stream, sample_rate_hz, channels, sample_format):
        kept = np.concatenate([kept, to_mono(block)])
        seen += len(block)
        while True:
            stop = window + round(n_scored * hop_s * sample_rate_hz)
            if stop > seen:
                break
            first = stop - window - (seen - len(kept))
            verdict = scorer.judge(kept[first : first + window], sample_rate_hz)
            yield window_score(stop - window, stop, sample_rate_hz, verdict)
            n_scored += 1
        following = round(n_scored * hop_s * sample_rate_hz)
        kept = kept[max(0, following - (seen - len(kept))) :]
