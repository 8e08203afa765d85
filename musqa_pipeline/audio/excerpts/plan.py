"""The seeded plan of a cut: where excerpts may start, before anything is heard."""

from __future__ import annotations

from musqa_pipeline.audio.constants import EXCERPT_S
from musqa_pipeline.core.seeds import derive_generator

N_CANDIDATES = 24
"""Starts that are tried, in the order drawn, before an excerpt is given up as too quiet."""


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
    length = EXCERPT_S * sample_rate_hz
    first = n_frames * index // n_in_track
    last = n_frames * (index + 1) // n_in_track - length
    draws = derive_generator("excerpts", seed, track_id, index).random(N_CANDIDATES)
    starts = [first + int(draw * (last - first + 1)) for draw in draws]
    return list(dict.fromkeys(starts))
