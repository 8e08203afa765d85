"""Limits that no music passes and hostile files do: rates, channels, hours, levels."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from musqa_pipeline.core.errors import UnfitInputError

LOWEST_RATE_HZ, HIGHEST_RATE_HZ = 4_000, 768_000
MAX_CHANNELS = 64
MAX_DURATION_S = 24 * 3600.0
"""A longer file is refused: a few kilobytes of FLAC can claim and decode to weeks."""
MAX_RECORDING_S = 1800.0
"""Of a recording that is held whole, to cut excerpts out of it: 80 MB a minute where its loudness
is measured, 2.6 GB at the limit."""
MAX_PAIR_S = 600.0
"""Of each signal of a pair that is compared: ViSQOL takes 210 MB a minute, 2.5 GB at the limit."""
ODD_DBTP = 30.0
"""No music in floats peaks above, and 16-bit integers that were taken for floats reach 90."""
MAX_DBTP = 120.0
"""A higher peak is refused: squares of such samples overflow, and no number means anything."""
MAX_HELD_BYTES = 2 << 30
"""Of excerpts of one recording that are held with all their channels, at their own rate."""


def check_limits(sample_rate_hz: int, channels: int) -> None:
    """Refuse rates and numbers of channels that no music has.

    Raises
    ------
    UnfitInputError
        If one is out of range; its reason is ``odd_format``, or ``unknown_format`` for no channel,
        which is what FFmpeg makes of a text.
    """
    if channels < 1:
        raise UnfitInputError(
            "unknown_format", "there is no audio in it, 0 channels", "check what it is"
        )
    if channels > MAX_CHANNELS:
        raise UnfitInputError(
            "odd_format", f"{channels} channels", f"give it 1 to {MAX_CHANNELS} channels"
        )
    if not LOWEST_RATE_HZ <= sample_rate_hz <= HIGHEST_RATE_HZ:
        raise UnfitInputError(
            "odd_format",
            f"{sample_rate_hz} Hz",
            f"resample it to {LOWEST_RATE_HZ} to {HIGHEST_RATE_HZ} Hz",
        )


def too_long(found: str, max_duration_s: float) -> UnfitInputError:
    """Build the error ``too_long``; `found` is a text such as ``"the header says 30 h"``."""
    return UnfitInputError(
        "too_long", f"{found}, the limit is {_shown(max_duration_s, 'g')}", "cut it into parts"
    )


def check_declared(declared_frames: int, sample_rate_hz: int, max_duration_s: float) -> None:
    """Refuse, as ``too_long``, a file whose header says that it is longer than a limit."""
    if declared_frames > max_duration_s * sample_rate_hz:
        found = _shown(declared_frames / sample_rate_hz, ",.1f")
        raise too_long(f"the header says {found}", max_duration_s)


def check_level(samples: NDArray[np.floating]) -> None:
    """Refuse samples of a level that no audio has, before anything is computed of them.

    What is not finite is passed over.

    Raises
    ------
    UnfitInputError
        If the largest is above `MAX_DBTP`; its reason is ``odd_level``.
    """
    levels = np.abs(samples)
    largest = float(np.max(levels, initial=0.0))
    if not math.isfinite(largest):
        largest = float(np.max(levels, where=np.isfinite(levels), initial=0.0))
    check_peak(20 * math.log10(largest) if largest > 0 else -math.inf)


def check_peak(true_peak_dbtp: float) -> None:
    """Refuse, as ``odd_level``, a peak above `MAX_DBTP` or NaN: no audio has it."""
    if not true_peak_dbtp <= MAX_DBTP:
        raise UnfitInputError(
            "odd_level",
            f"a peak of {true_peak_dbtp:.0f} dBTP: no level that audio has",
            "export it again, with full scale at 1.0",
        )


def check_held(sample_rate_hz: int, channels: int, n_excerpts: int, duration_s: float) -> None:
    """Refuse to hold excerpts whose rate and channels would fill the memory.

    Raises
    ------
    UnfitInputError
        If they are larger than `MAX_HELD_BYTES`; its reason is ``odd_format``.
    """
    n_bytes = 4 * n_excerpts * duration_s * sample_rate_hz * channels
    if n_bytes > MAX_HELD_BYTES:
        raise UnfitInputError(
            "odd_format",
            f"{channels} channels at {sample_rate_hz} Hz: {n_excerpts} excerpts of "
            f"{duration_s:g} s fill {n_bytes / 1e9:.1f} GB",
            "take fewer excerpts, or give it fewer channels or a lower rate",
        )


def _shown(duration_s: float, spec: str) -> str:
    """Write a duration in hours, minutes or seconds."""
    for unit_s, unit in ((3600, "h"), (60, "min")):
        if duration_s >= unit_s:
            return f"{duration_s / unit_s:{spec}} {unit}"
    return f"{duration_s:{spec}} s"
