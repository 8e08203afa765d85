"""How far loud and soft parts of a recording lie apart: loudness range and crest factor."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from musqa_pipeline.audio.measures.loudness import ABSOLUTE_GATE_LUFS, HOP_S, LoudnessMeter

SHORT_TERM_S = 3.0
RELATIVE_GATE_LU = -20.0
LOW_PERCENTILE, HIGH_PERCENTILE = 10.0, 95.0


def loudness_range_lu(parts: Sequence[NDArray[np.float32]], sample_rate_hz: int) -> float | None:
    """Measure the loudness range of parts of a recording, after EBU Tech 3342 [1]_.

    Parameters
    ----------
    parts : sequence of ndarray of float32
        Shape (frames, channels), finite; full scale is 1.0. Windows of 3 s lie inside of each.
    sample_rate_hz : int

    Returns
    -------
    float or None
        In LU, 0 or more; None where no window of 3 s is above -70 LUFS.

    References
    ----------
    .. [1] EBU Tech 3342 (2016), Loudness Range: a measure to supplement EBU R 128.
    """
    windows = [_short_term_lufs(part, sample_rate_hz) for part in parts]
    lufs = np.concatenate([np.zeros(0), *windows])
    lufs = lufs[lufs >= ABSOLUTE_GATE_LUFS]
    if not len(lufs):
        return None
    gate = 10.0 * math.log10(float(np.mean(10.0 ** (lufs / 10.0)))) + RELATIVE_GATE_LU
    low, high = np.percentile(lufs[lufs >= gate], [LOW_PERCENTILE, HIGH_PERCENTILE])
    return float(high - low)


def crest_factor_db(parts: Sequence[NDArray[np.float32]]) -> float | None:
    """Return the peak of all samples over their RMS, in dB; None where all are zero.

    Parts are as of `loudness_range_lu`. A sine has 3 dB, music 8 to 20.
    """
    peak = max((float(np.abs(part).max()) for part in parts if part.size), default=0.0)
    if not peak:
        return None
    power = sum(float(np.sum(np.square(part, dtype=np.float64))) for part in parts)
    rms = math.sqrt(power / sum(part.size for part in parts))
    return 20.0 * math.log10(peak / rms)


def _short_term_lufs(part: NDArray[np.float32], sample_rate_hz: int) -> NDArray[np.float64]:
    if len(part) < SHORT_TERM_S * sample_rate_hz:
        return np.zeros(0)
    meter = LoudnessMeter(sample_rate_hz, part.shape[1])
    meter.update(part)
    return meter.windows_lufs(round(SHORT_TERM_S / HOP_S))
