"""One pass over a file: hash, length, loudness, true peak, phase and bandwidth, block by block."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from musqa_pipeline.audio.files.blocks import finite
from musqa_pipeline.audio.files.limits import MAX_DURATION_S, too_long
from musqa_pipeline.audio.files.reading import (
    AudioInfo,
    DecodeError,
    read_blocks,
    require_whole,
    to_mono,
)
from musqa_pipeline.audio.measures.bandwidth import BandwidthMeter
from musqa_pipeline.audio.measures.loudness import LoudnessMeter
from musqa_pipeline.audio.measures.peaks import PhaseMeter, TruePeakMeter


@dataclass(frozen=True)
class Measurement:
    """What one pass over the decoded samples found."""

    frames: int
    pcm_hash: str
    """blake2b, 16 bytes in hexadecimal, over rate, channel count and float32 samples."""
    loudness_lufs: float
    true_peak_dbtp: float
    upper_edge_hz: float
    phase_correlation: float
    n_not_finite: int
    """Samples that are NaN or infinite; measured as zeros."""


def measure_file(path: Path, info: AudioInfo) -> Measurement:
    """Decode a whole file once and measure it.

    Parameters
    ----------
    path : Path
    info : AudioInfo

    Returns
    -------
    Measurement
        Its memory does not grow with the file's length.

    Raises
    ------
    DecodeError
        If it does not decode to its declared end.
    OSError
        If it cannot be opened.
    UnfitInputError
        If it goes on for longer than a day.

    Notes
    -----
    The hash of a lossless file is the same everywhere. That of a lossy file belongs to the
    decoder's build and the CPU's kind, whose float arithmetic differs in the last bits.
    """
    rate = info.sample_rate_hz
    hasher = hashlib.blake2b(f"{rate} {info.channels} ".encode(), digest_size=16)
    loudness, peak = LoudnessMeter(rate, info.channels), TruePeakMeter(info.channels)
    phase, bandwidth = PhaseMeter(info.channels), BandwidthMeter(rate)
    frames = n_not_finite = 0
    for block in read_blocks(path):
        if block.shape[1] != info.channels:
            raise DecodeError(f"{block.shape[1]} channels decoded, {info.channels} declared")
        hasher.update(np.ascontiguousarray(block, dtype="<f4").tobytes())
        block, n_bad = finite(block)
        n_not_finite += n_bad
        frames += len(block)
        if frames > MAX_DURATION_S * rate:
            raise too_long("it goes on decoding", MAX_DURATION_S)
        loudness.update(block)
        peak.update(block)
        phase.update(block)
        bandwidth.update(to_mono(block))
    require_whole(frames, info)
    return Measurement(
        frames=frames,
        pcm_hash=hasher.hexdigest(),
        loudness_lufs=loudness.integrated_lufs(),
        true_peak_dbtp=peak.true_peak_dbtp(),
        upper_edge_hz=bandwidth.upper_edge_hz(),
        phase_correlation=phase.correlation(),
        n_not_finite=n_not_finite,
    )
