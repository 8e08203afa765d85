"""Cutting a reference out of a file: draw where, find a loud window, resample, level, add the tail.

Mono is the mean of all channels, whatever their number; a mix that would cancel is what the flag
`out_of_phase` is for. The loudness of the result is set afterwards, so no other weights are
needed.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soxr
from numpy.typing import NDArray

from musqa_pipeline.audio.constants import EXCERPT_S, EXCERPT_SAMPLES, SAMPLE_RATE_HZ, TAIL_SAMPLES
from musqa_pipeline.audio.files.decoding import open_audio
from musqa_pipeline.audio.files.flac import FULL_SCALE_16, to_int16
from musqa_pipeline.audio.files.limits import check_level
from musqa_pipeline.audio.files.reading import to_mono
from musqa_pipeline.audio.measures.loudness import LoudnessMeter, gain_to_target_db, integrated_lufs
from musqa_pipeline.core.errors import UnfitInputError
from musqa_pipeline.core.seeds import derive_generator

N_CANDIDATES = 24
"""Starts that are tried, in the order drawn, before an excerpt is given up as too quiet."""
MARGIN_S = 0.1
"""Read before and after the window, so that the resampler starts and ends on music."""
QUIETEST_MONO_LUFS = -65.0
"""A quieter mono mix cancels itself or is noise; it would be raised by over 40 dB."""


def n_excerpts(duration_s: float, n_per_track: int) -> int:
    """Return how many excerpts of a track fit without overlap, at most `n_per_track`."""
    return min(n_per_track, int(duration_s // EXCERPT_S))


def candidate_starts(
    *,
    n_frames: int,
    sample_rate_hz: int,
    n_in_track: int,
    index: int,
    seed: int,
    track_id: str,
) -> list[int]:
    """Draw where one excerpt may start: frames at the track's own rate, in the order to try them.

    The track is divided into `n_in_track` equal parts and excerpt `index` (from 0) lies in its
    own, so that excerpts never overlap and each is drawn without knowing the others.
    """
    first, last = _range_of_starts(n_frames, sample_rate_hz, n_in_track, index)
    draws = derive_generator("excerpts", seed, track_id, index).random(N_CANDIDATES)
    starts = [first + int(draw * (last - first + 1)) for draw in draws]
    return list(dict.fromkeys(starts))


def middle_start(*, n_frames: int, sample_rate_hz: int, n_in_track: int, index: int) -> int:
    """Return where the excerpt in the middle of its part of the track starts, in frames."""
    first, last = _range_of_starts(n_frames, sample_rate_hz, n_in_track, index)
    return first + (last - first) // 2


def _range_of_starts(
    n_frames: int, sample_rate_hz: int, n_in_track: int, index: int
) -> tuple[int, int]:
    """Return the first and the last frame at which an excerpt lies in its part of the track."""
    first = n_frames * index // n_in_track
    return first, n_frames * (index + 1) // n_in_track - EXCERPT_S * sample_rate_hz


@dataclass(frozen=True)
class Window:
    """A window of a track, mono at 48 kHz, before any gain."""

    start_frame: int
    """At the track's own rate."""
    samples: NDArray[np.float32]
    """float32 (EXCERPT_SAMPLES + TAIL_SAMPLES,)."""
    lufs: float
    """Loudness of the mono 10 s."""
    tail_mirrored: bool
    """Whether the track ends within the tail, and the tail mirrors the end instead."""


@dataclass(frozen=True)
class LevelledExcerpt:
    """An excerpt as it is stored."""

    samples: NDArray[np.int16]
    """int16 (EXCERPT_SAMPLES + TAIL_SAMPLES,)."""
    gain_db: float
    loudness_lufs: float
    peak: float
    n_clipped_samples: int


def find_window(
    path: Path, starts: Sequence[int], *, sample_rate_hz: int, least_lufs: float
) -> Window | None:
    """Take the first of several windows that is loud enough.

    Parameters
    ----------
    path : Path
    starts : sequence of int
        Start frames to try, in order.
    sample_rate_hz : int
    least_lufs : float
        Loudness that the 10 s, with all their channels, must reach.

    Returns
    -------
    Window or None
        None if no window is loud enough, or mono silences it.

    Raises
    ------
    UnfitInputError
        If the file cannot be read there, or is out of the limits.
    """
    for start in starts:
        before = min(start, math.ceil(MARGIN_S * sample_rate_hz))
        mono, lufs = _read_window(path, start - before, before, sample_rate_hz)
        if lufs < least_lufs:
            continue
        samples, mirrored = _to_reference(mono, before, sample_rate_hz)
        lufs = integrated_lufs(samples[:EXCERPT_SAMPLES])
        if lufs >= QUIETEST_MONO_LUFS:
            return Window(start, samples, lufs, mirrored)
    return None


def level(window: Window, target_lufs: float) -> LevelledExcerpt:
    """Bring a window to its target loudness, which it has before clipping, and to 16 bit.

    The gain acts on the tail too; peak and clipping count the 10 s only.
    """
    gain_db = gain_to_target_db(window.lufs, target_lufs)
    scaled = window.samples.astype(np.float64) * 10.0 ** (gain_db / 20.0)
    scored = scaled[:EXCERPT_SAMPLES]
    over = (scored > (FULL_SCALE_16 - 0.5) / FULL_SCALE_16) | (scored < -1 - 0.5 / FULL_SCALE_16)
    stored = to_int16(scaled)
    heard = stored[:EXCERPT_SAMPLES].astype(np.float64) / FULL_SCALE_16
    return LevelledExcerpt(
        samples=stored,
        gain_db=gain_db,
        loudness_lufs=integrated_lufs(heard),
        peak=float(np.abs(heard).max()),
        n_clipped_samples=int(np.count_nonzero(over)),
    )


def _read_window(
    path: Path, first: int, before: int, sample_rate_hz: int
) -> tuple[NDArray[np.float32], float]:
    """Read a window with its margins as mono, and the loudness of all channels within it."""
    end = before + EXCERPT_S * sample_rate_hz
    tail = math.ceil((TAIL_SAMPLES / SAMPLE_RATE_HZ + MARGIN_S) * sample_rate_hz)
    parts, at = [], 0
    with open_audio(path, start_frame=first, n_frames=end + tail) as audio:
        meter = LoudnessMeter(sample_rate_hz, audio.info.channels)
        for block in audio.blocks:  # 64 channels of 768 kHz would fill 2 GB
            check_level(block)
            meter.update(block[max(0, before - at) : max(0, end - at)])
            parts.append(to_mono(block))
            at += len(block)
    if not parts:
        raise UnfitInputError(
            "damaged",
            f"no audio at {first / sample_rate_hz:.1f} s",
            "get the file again, or export it anew from its source",
        )
    return np.concatenate(parts), meter.integrated_lufs()


def _to_reference(
    mono: NDArray[np.float32], before: int, sample_rate_hz: int
) -> tuple[NDArray[np.float32], bool]:
    """Resample and cut to 10 s and a tail; `before` input samples precede the excerpt."""
    if sample_rate_hz != SAMPLE_RATE_HZ:
        mono = soxr.resample(mono, sample_rate_hz, SAMPLE_RATE_HZ, quality="VHQ")
        before = round(before * SAMPLE_RATE_HZ / sample_rate_hz)
    samples = mono[before : before + EXCERPT_SAMPLES + TAIL_SAMPLES]
    missing = EXCERPT_SAMPLES + TAIL_SAMPLES - len(samples)
    if missing > 0:
        # Mirrored whole, not only where music is missing, so that all mirrored tails are alike;
        # at most a sample of the 10 s themselves can be short, by the resampler's rounding.
        kept = samples[: min(len(samples), EXCERPT_SAMPLES)]
        needed = EXCERPT_SAMPLES + TAIL_SAMPLES - len(kept)
        samples = np.concatenate([kept, kept[-2 : -2 - needed : -1]])
    return np.ascontiguousarray(samples, np.float32), missing > 0
