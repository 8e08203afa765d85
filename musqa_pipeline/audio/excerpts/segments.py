"""Segments as listeners of PMQD heard them: stereo, 48 kHz, 4.208 s, cut out of whole recordings.

How loud a recording is stays as it is, or a gain brings it to a level.
"""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np

from musqa_pipeline.audio.constants import SAMPLE_RATE_HZ
from musqa_pipeline.audio.degradations.intensity import Stereo
from musqa_pipeline.audio.excerpts.cut import MARGIN_S
from musqa_pipeline.audio.files.limits import MAX_DURATION_S
from musqa_pipeline.audio.files.signals import read_stereo
from musqa_pipeline.audio.measures.loudness import gain_to_target_db
from musqa_pipeline.core.errors import UnfitInputError
from musqa_pipeline.core.seeds import derive_generator

SEGMENT_SAMPLES = 201_984
"""As the files of PMQD; at 16 kHz 67,328 = 2048 + 255 x 256, so 256 frames without padding."""
N_DRAWS = 21
"""Where a segment may begin: the first draw, and twenty more where it is silent."""


def segment_frames(sample_rate_hz: int) -> int:
    """Return how many frames of a recording a segment takes, at the recording's own rate."""
    return math.ceil(SEGMENT_SAMPLES * sample_rate_hz / SAMPLE_RATE_HZ)


def n_segments(n_frames: int, sample_rate_hz: int, n_wanted: int) -> int:
    """Return how many segments of a recording fit without overlap, at most `n_wanted`."""
    return min(n_wanted, n_frames // segment_frames(sample_rate_hz))


def segment_starts(
    *,
    n_frames: int,
    sample_rate_hz: int,
    n_in_track: int,
    index: int,
    seed: int,
    track_id: str,
) -> list[int]:
    """Draw where one segment may start: frames at the track's own rate, in the order to try them.

    Segment `index` (from 0) lies in its own of `n_in_track` equal parts, so that none overlaps
    another.
    """
    first = n_frames * index // n_in_track
    last = n_frames * (index + 1) // n_in_track - segment_frames(sample_rate_hz)
    draws = derive_generator("segments", seed, track_id, index).random(N_DRAWS)
    starts = [first + int(draw * (max(last, first) - first + 1)) for draw in draws]
    return list(dict.fromkeys(starts))


def read_segment(path: Path, *, start_frame: int, sample_rate_hz: int) -> Stereo:
    """Read a segment.

    Parameters
    ----------
    path : Path
        A recording of one or two channels.
    start_frame : int
        Where it begins, at the recording's own rate.
    sample_rate_hz : int
        That rate.

    Returns
    -------
    ndarray of float32, shape (201984, 2)
        At 48 kHz; one channel becomes both. What is around it is read too where the rate is
        another, so that the resampler starts and ends on music: a whole number of samples at both
        rates before it, where that is less than `MARGIN_S`.

    Raises
    ------
    UnfitInputError
        If the recording ends before it, has more channels, a sample that is not finite, or cannot
        be decoded.
    """
    margin = 0 if sample_rate_hz == SAMPLE_RATE_HZ else math.ceil(MARGIN_S * sample_rate_hz)
    grid = sample_rate_hz // math.gcd(sample_rate_hz, SAMPLE_RATE_HZ)
    before = min(start_frame, margin)
    before -= before % grid if before > grid else 0
    signal = read_stereo(
        path,
        start_frame=start_frame - before,
        n_frames=before + segment_frames(sample_rate_hz) + margin,
        max_duration_s=MAX_DURATION_S,
    )
    skipped = round(before * SAMPLE_RATE_HZ / sample_rate_hz)
    samples = signal.samples[skipped : skipped + SEGMENT_SAMPLES]
    if len(samples) < SEGMENT_SAMPLES:
        raise UnfitInputError(
            "too_short",
            f"{len(samples) / SAMPLE_RATE_HZ:.3f} s from {start_frame / sample_rate_hz:.3f} s on, "
            f"a segment takes {SEGMENT_SAMPLES / SAMPLE_RATE_HZ:g} s",
            "use a longer recording; its excerpts serve as they did",
        )
    return np.ascontiguousarray(samples)


def gain_to_level_db(
    samples: Stereo, target_lufs: float, *, track_lufs: float, channels: int
) -> float:
    """Return what brings a segment to the level at which its whole track has a loudness.

    Parameters
    ----------
    samples : ndarray of float32, shape (n, 2)
        The segment, not silent.
    target_lufs : float
        Integrated loudness that is wanted of the track, if no peak of the segment is above 1 then;
        else the segment's peak comes to 1.
    track_lufs : float
        Integrated loudness of the track with the channels that it has.
    channels : int
        One is heard from both sides, which is 3 dB louder.

    Returns
    -------
    float
        In dB.
    """
    heard_lufs = track_lufs + (10 * math.log10(2) if channels == 1 else 0.0)
    peak_db = 20 * math.log10(float(np.abs(samples).max()))
    return min(gain_to_target_db(heard_lufs, target_lufs), -peak_db)
