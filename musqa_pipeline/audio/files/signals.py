"""Files as a metric wants them: 48 kHz, whole, finite; what was done to them is said."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soxr
from numpy.typing import NDArray

from musqa_pipeline.audio.constants import SAMPLE_RATE_HZ
from musqa_pipeline.audio.files.decoding import open_audio
from musqa_pipeline.audio.files.limits import MAX_PAIR_S, check_level
from musqa_pipeline.audio.files.reading import to_mono
from musqa_pipeline.core.errors import UnfitInputError

FULL_SCALE = 1.0 - 2.0**-15
"""The largest 16-bit sample."""
CLIPPED_RUN_SAMPLES = 3
"""A lone sample at full scale is a peak; so many in a row are clipped."""


@dataclass(frozen=True, eq=False)
class Signal:
    """One file, ready to be scored."""

    samples: NDArray[np.float32]
    """Shape (samples,), the mean of the channels, or (samples, 2); 48 kHz, full scale is 1.0."""
    warnings: tuple[str, ...]
    """What a user should know of the file, a phrase each."""

    @property
    def duration_s(self) -> float:
        """Its length in seconds."""
        return len(self.samples) / SAMPLE_RATE_HZ


def read_signal(
    path: Path,
    *,
    start_frame: int = 0,
    n_frames: int | None = None,
    max_duration_s: float = MAX_PAIR_S,
) -> Signal:
    """Read a file or a part of it, mix it to mono and bring it to 48 kHz.

    Parameters
    ----------
    path : Path
        An audio file of any format, rate and number of channels within the limits of the scorer.
        It is held in memory as mono at 48 kHz, whatever its rate: 12 MB a minute.
    start_frame, n_frames : int
        The part that is wanted, at the file's own rate; all when left out.
    max_duration_s : float
        What is longer, by its header or when decoded, is refused.

    Returns
    -------
    Signal
        The mean of the channels, as ViSQOL takes it; resampled with soxr at very high quality if
        its rate is another.

    Raises
    ------
    UnfitInputError
        If there is no such file, it is out of the limits, it cannot be decoded to its end, or a
        sample is not finite or of a level that no audio has.
    """
    return _read(path, to_mono, 1, max_duration_s, start_frame, n_frames)


def read_stereo(
    path: Path,
    *,
    start_frame: int = 0,
    n_frames: int | None = None,
    max_duration_s: float = MAX_PAIR_S,
) -> Signal:
    """Read a file of one or two channels or a part of it, and bring it to 48 kHz.

    Parameters
    ----------
    path : Path
        An audio file of any format and rate within the limits of the scorer.
    start_frame, n_frames : int
        The part that is wanted, at the file's own rate; all when left out.
    max_duration_s : float
        A file that is longer, by its header or when decoded, is refused.

    Returns
    -------
    Signal
        Samples of shape (samples, 2); one channel becomes both.

    Raises
    ------
    UnfitInputError
        As of `read_signal`, and if it has more than two channels.
    """
    return _read(path, _to_stereo, 2, max_duration_s, start_frame, n_frames)


def _read(
    path: Path,
    mix: Callable[[NDArray[np.float32]], NDArray[np.float32]],
    n_channels: int,
    max_duration_s: float,
    start_frame: int = 0,
    n_frames: int | None = None,
) -> Signal:
    nothing = np.zeros((0,) if n_channels == 1 else (0, n_channels), np.float32)
    with open_audio(
        path, start_frame=start_frame, n_frames=n_frames, max_duration_s=max_duration_s
    ) as audio:
        rate_hz = audio.info.sample_rate_hz
        resampler = (
            soxr.ResampleStream(rate_hz, SAMPLE_RATE_HZ, n_channels, dtype="float32", quality="VHQ")
            if rate_hz != SAMPLE_RATE_HZ
            else None
        )
        parts, clipped = [nothing], 0
        for block in audio.blocks:
            n_bad = int(np.count_nonzero(~np.isfinite(block)))
            if n_bad:
                raise UnfitInputError(
                    "not_finite",
                    f"{n_bad} samples or more are NaN or infinite",
                    "write the file again with finite samples",
                )
            check_level(block)
            clipped += _count_clipped(block)
            mixed = mix(block)
            parts.append(mixed if resampler is None else resampler.resample_chunk(mixed))
    warnings = []
    if clipped:
        warnings.append(f"clipped: {clipped:,} samples in a row at or over full scale")
    if resampler is not None:
        parts.append(resampler.resample_chunk(nothing, last=True))
        warnings.append(f"resampled from {rate_hz:,} Hz to {SAMPLE_RATE_HZ:,} Hz")
    return Signal(np.concatenate(parts), tuple(warnings))


def _to_stereo(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """Take one channel twice, or two as they are."""
    n_channels = samples.shape[1]
    if n_channels > 2:
        raise UnfitInputError(
            "channels", f"it has {n_channels} channels, one or two are needed", "mix it to stereo"
        )
    return np.ascontiguousarray(samples[:, [0, n_channels - 1]])


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
