"""Files as a metric wants them: mono, 48 kHz, whole, finite; what was done to them is said."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soxr
from numpy.typing import NDArray

from musqa_pipeline.audio import SAMPLE_RATE_HZ
from musqa_pipeline.errors import UnfitInputError
from musqa_pipeline.tracks.reading import (
    DecodeError,
    read_blocks,
    read_info,
    require_whole,
    to_mono,
)

FULL_SCALE = 1.0 - 2.0**-15
"""The largest 16-bit sample."""
CLIPPED_RUN_SAMPLES = 3
"""A lone sample at full scale is a peak; so many in a row are clipped."""


@dataclass(frozen=True, eq=False)
class Signal:
    """One file, ready to be scored."""

    samples: NDArray[np.float32]
    """Shape (samples,): the mean of the channels, at 48 kHz; full scale is 1.0."""
    warnings: tuple[str, ...]
    """What a user should know of the file, a phrase each."""

    @property
    def duration_s(self) -> float:
        """Its length in seconds."""
        return len(self.samples) / SAMPLE_RATE_HZ


def read_signal(path: Path) -> Signal:
    """Read a whole file, mix it to mono and bring it to 48 kHz.

    Parameters
    ----------
    path : Path
        An audio file of any format, rate and number of channels that `tracks` reads. It is held in
        memory as mono: 12 MB a minute.

    Returns
    -------
    Signal
        The mean of the channels, as ViSQOL takes it; resampled with soxr at very high quality if
        its rate is another.

    Raises
    ------
    UnfitInputError
        If there is no such file, or it cannot be decoded to its end, or a sample is not finite.
    """
    _require_file(path)
    try:
        info = read_info(path)
        parts, clipped = [], 0
        for block in read_blocks(path):
            n_bad = int(np.count_nonzero(~np.isfinite(block)))
            if n_bad:
                raise UnfitInputError(
                    "not_finite",
                    f"{n_bad} samples or more are NaN or infinite",
                    "write the file again with finite samples",
                )
            clipped += _count_clipped(block)
            parts.append(to_mono(block))
        if parts:
            require_whole(sum(map(len, parts)), info)
    except DecodeError as error:
        raise UnfitInputError(
            "cannot_decode",
            str(error),
            "copy it again, or convert it to WAV or FLAC if it plays elsewhere",
        ) from error
    except OSError as error:
        raise UnfitInputError(
            "cannot_open", f"it cannot be opened ({error.strerror or error})", "check permissions"
        ) from error
    mono = np.concatenate(parts) if parts else np.zeros(0, np.float32)
    rate_hz = info.sample_rate_hz
    if not len(mono):
        raise UnfitInputError("no_samples", "it holds no samples", "write the file again")
    warnings = []
    if clipped:
        warnings.append(f"clipped: {clipped:,} samples in a row at or over full scale")
    if rate_hz != SAMPLE_RATE_HZ:
        mono = soxr.resample(mono, rate_hz, SAMPLE_RATE_HZ, quality="VHQ")
        warnings.append(f"resampled from {rate_hz:,} Hz to {SAMPLE_RATE_HZ:,} Hz")
    return Signal(np.ascontiguousarray(mono, np.float32), tuple(warnings))


def _require_file(path: Path) -> None:
    if not path.exists():
        raise UnfitInputError("missing", "there is no such file", "check its path")
    if not path.is_file():
        raise UnfitInputError("no_file", "it is a folder or a device", "name a file of audio")
    if path.stat().st_size == 0:
        raise UnfitInputError("empty", "the file is empty (0 bytes)", "copy it again")


def _count_clipped(block: NDArray[np.float32]) -> int:
    """Count samples of any channel that stand at full scale several in a row."""
    full = np.abs(block) >= FULL_SCALE
    if not full.any():
        return 0
    n = CLIPPED_RUN_SAMPLES
    starts = np.logical_and.reduce([full[i : len(full) - n + 1 + i] for i in range(n)])
    marked = np.zeros_like(full)
    for i in range(n):
        marked[i : len(full) - n + 1 + i] |= starts
    return int(np.count_nonzero(marked))
