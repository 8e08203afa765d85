"""The parts of a file that a scan listens to, read without the rest where the format can seek.

They are the middles of equal parts of the recording, silence passed over. Nothing is drawn by
chance and nothing depends on the bytes of the file: two copies of a recording, whatever their
codec, are heard at the same places. So their scores can be compared, and their fingerprints
overlap. A place that turns out to be silent is replaced by the next of `spare_starts`.

Where the format cannot seek (`AudioInfo.seeks`), a file is decoded from its beginning, and once
more before that if its header does not say how long it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from musqa_pipeline.audio.constants import EXCERPT_S
from musqa_pipeline.audio.files.blocks import finite, in_blocks
from musqa_pipeline.audio.files.decoding import open_audio, read_length
from musqa_pipeline.audio.files.limits import check_held
from musqa_pipeline.audio.files.reading import AudioInfo
from musqa_pipeline.core.errors import UnfitInputError

Samples = NDArray[np.float32]
SILENT_DBFS = -60.0
"""Below this RMS level an excerpt is a pause or the end of a track, not music."""
LEAST_S = 3.0
"""A part that is shorter, because a header promised too much, tells nothing."""


@dataclass(frozen=True, eq=False)
class Excerpt:
    """A part of a recording."""

    start_s: float
    samples: Samples
    """Shape (frames, channels), finite, at the file's own rate."""
    n_not_finite: int
    """Samples that were NaN or infinite; they are 0 now."""


@dataclass(frozen=True)
class Recording:
    """A file and what was heard of it."""

    info: AudioInfo
    duration_s: float
    excerpts: tuple[Excerpt, ...]
    """Those that are not silent; all, if all are."""


def excerpt_starts(duration_s: float, n_excerpts: int) -> list[float]:
    """Return where excerpts of a recording begin, in seconds, rising.

    A recording that is no longer than all of them together is one excerpt (`excerpt_length_s`).
    """
    if duration_s <= n_excerpts * EXCERPT_S:
        return [0.0]
    part_s = duration_s / n_excerpts
    return [max(0.0, (i + 0.5) * part_s - EXCERPT_S / 2) for i in range(n_excerpts)]


def excerpt_length_s(duration_s: float, n_excerpts: int) -> float:
    """Return how long excerpts of a recording are: 10 s, or all of a short one."""
    return duration_s if duration_s <= n_excerpts * EXCERPT_S else EXCERPT_S


def spare_starts(duration_s: float, n_excerpts: int) -> list[float]:
    """Return where to listen in place of silent excerpts, as many places again, in seconds.

    They go from the beginning on: an excerpt is silent most often because the recording ends long
    before the file does.
    """
    n, part_s = n_excerpts, duration_s / n_excerpts
    if part_s < 3 * EXCERPT_S:  # they would repeat what was heard
        return []
    return [i * part_s + min(part_s / 2 - 1.5 * EXCERPT_S, EXCERPT_S / 2) for i in range(n)]


def read_recording(path: Path, n_excerpts: int) -> Recording:
    """Read the excerpts of a file, one at least.

    Raise UnfitInputError if the file cannot be read or holds nothing, or its excerpts would fill
    the memory.
    """
    info, n_frames = read_length(path)
    rate_hz = info.sample_rate_hz
    duration_s = n_frames / rate_hz
    wanted = excerpt_starts(duration_s, n_excerpts)
    spare = spare_starts(duration_s, n_excerpts)
    length_s = excerpt_length_s(duration_s, n_excerpts)
    check_held(rate_hz, info.channels, len(wanted) + len(spare), length_s)
    n = round(length_s * rate_hz)
    if info.seeks:
        heard, silent = _seek(path, info, n, wanted, spare)
    else:
        parts = _decode(path, [round(s * rate_hz) for s in wanted + spare], n)
        found = [
            Excerpt(s, *finite(x)) for s, x in zip(wanted + spare, parts, strict=True) if len(x)
        ]
        silent = [e for e in found if _is_silent(e.samples)]
        heard = [e for e in found if e not in silent][: len(wanted)]
    kept = sorted(heard or silent[: len(wanted)], key=lambda e: e.start_s)
    if not kept:
        raise UnfitInputError(
            "damaged", "no audio where the header says it is", "get the file again"
        )
    return Recording(info, duration_s, tuple(kept))


def _seek(
    path: Path, info: AudioInfo, n: int, wanted: Sequence[float], spare: Sequence[float]
) -> tuple[list[Excerpt], list[Excerpt]]:
    """Read one part of n frames after the other until there are enough with sound."""
    heard: list[Excerpt] = []
    silent: list[Excerpt] = []
    for start_s in [*wanted, *spare]:
        if len(heard) == len(wanted):
            break
        start = round(start_s * info.sample_rate_hz)
        try:
            with open_audio(path, start_frame=start, n_frames=n) as audio:
                blocks = list(audio.blocks)
        except UnfitInputError:
            # The header of an MP3 is an estimate; that of a lossless file is a promise.
            if not (info.is_lossy and heard):
                raise
            continue
        samples = np.concatenate(blocks) if blocks else np.zeros((0, info.channels), np.float32)
        least = LEAST_S * info.sample_rate_hz
        if len(samples) < (least if start else n - least):
            if not info.is_lossy:
                raise UnfitInputError(
                    "damaged",
                    f"it ends before {start_s + n / info.sample_rate_hz:.0f} s, the header "
                    f"promises {info.declared_frames / info.sample_rate_hz:.0f} s",
                    "get the file again, or export it anew from its source",
                )
            if start:
                continue
        if len(samples):
            excerpt = Excerpt(start_s, *finite(samples))
            (silent if _is_silent(excerpt.samples) else heard).append(excerpt)
    return heard, silent


def _decode(path: Path, starts: Sequence[int], n: int) -> list[Samples]:
    parts: list[list[Samples]] = [[] for _ in starts]
    at = 0
    with open_audio(path) as audio:
        for block in audio.blocks:
            for start, part in zip(starts, parts, strict=True):
                piece = block[max(0, start - at) : max(0, start + n - at)]
                if len(piece):
                    part.append(piece.copy())
            at += len(block)
    return [np.concatenate(part) if part else np.zeros((0, 1), np.float32) for part in parts]


def _is_silent(samples: Samples) -> bool:
    # Block by block: all at once in 64 bit would be thrice as much.
    blocks = in_blocks(samples, samples.shape[1])
    power = sum(float(np.sum(np.square(block, dtype=np.float64))) for block in blocks)
    return power / samples.size < 10 ** (SILENT_DBFS / 10)
