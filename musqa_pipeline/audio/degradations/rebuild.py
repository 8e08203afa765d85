"""From a stored row back to the samples that metrics and networks are given.

Definition: the bitstream decoded to float (ffmpeg without SIMD), its delay dropped, cut to
480,000 samples, times the gain. Nothing is quantised again, and samples over full scale stay.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from musqa_pipeline.audio.constants import EXCERPT_SAMPLES
from musqa_pipeline.audio.degradations.applied import Applied
from musqa_pipeline.audio.degradations.ffmpeg import decode
from musqa_pipeline.core.errors import ToolError

AUDIO_COLUMNS = ("container", "bitstream", "delay_samples", "gain_db")
"""Columns of `degradations` that `degraded_audio` needs."""


def degraded_audio(rows: Iterable[Mapping[str, Any]]) -> list[NDArray[np.float32]]:
    """Rebuild degraded excerpts from rows of the table `degradations`.

    Parameters
    ----------
    rows : iterable of mapping
        With the keys of `AUDIO_COLUMNS`; others are ignored. Pass many at once: they share
        ffmpeg processes. Each takes 2 MB of memory.

    Returns
    -------
    list of ndarray of float32, shape (480000,)
        Mono, 48 kHz, at the target loudness; full scale is 1.0 and may be passed.

    Raises
    ------
    ToolError
        If ffmpeg is missing or fails, or a stream is too short.
    """
    rows = list(rows)
    decoded = decode([(row["container"], row["bitstream"]) for row in rows])
    return [
        with_gain(cut(x, row["delay_samples"]), row["gain_db"])
        for row, x in zip(rows, decoded, strict=True)
    ]


def aligned(applied: Applied, decoded: NDArray[np.float32]) -> NDArray[np.float32]:
    """Bring a decoded result to the time and level of its input, tail included."""
    return with_gain(decoded[applied.delay_samples :], applied.gain_db)


def cut(decoded: NDArray[np.float32], delay_samples: int) -> NDArray[np.float32]:
    """Drop the delay of a decoded stream, and what follows 10 s.

    Raises
    ------
    ToolError
        If the stream is shorter than that; nothing is ever filled up with zeros.
    """
    x = decoded[delay_samples : delay_samples + EXCERPT_SAMPLES]
    if len(x) != EXCERPT_SAMPLES:
        raise ToolError(
            f"a decoded stream has {len(x)} samples after its delay, expected {EXCERPT_SAMPLES}; "
            "this ffmpeg's codecs differ from those that musqa was measured with: use the one "
            "that imageio-ffmpeg ships"
        )
    return x


def with_gain(x: NDArray[np.float32], gain_db: float) -> NDArray[np.float32]:
    """Multiply by a gain, in float32 so that every reader of a row gets the same samples."""
    return x * np.float32(10.0 ** (gain_db / 20.0))
