"""Whether a process that somebody wrote down can be one: kinds and ranges of its parameters.

A recipe comes from anywhere. What is drawn lies well within these ranges; what lies without would
end in an error of a filter's design or in gigabytes of taps.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Mapping
from typing import Any

from musqa_pipeline.audio.degradations.carriers.chains import Chain
from musqa_pipeline.audio.degradations.carriers.fault import GREATEST
from musqa_pipeline.audio.degradations.carriers.replay_curve import NAMES, ReplayCurveParams
from musqa_pipeline.audio.degradations.codecs import DEFAULT, VBR, Codec, CodecParams
from musqa_pipeline.audio.degradations.effects import Resample, ResampleParams
from musqa_pipeline.audio.degradations.lowpass import (
    BUTTERWORTH,
    CHEBYSHEV_1,
    CHEBYSHEV_2,
    ELLIPTIC,
    FIR,
    LowpassParams,
)
from musqa_pipeline.core.errors import StageError
from musqa_pipeline.core.names import short
from musqa_pipeline.core.settings.per_catalog import HIGHEST_LOWPASS_HZ

RANGES: Mapping[str, tuple[float, float]] = {
    "cutoff_hz": (20.0, HIGHEST_LOWPASS_HZ),
    "order": (1, 20),
    "ripple_db": (0.001, 20.0),
    "stopband_db": (10.0, 200.0),
    "transition_hz": (10.0, 20_000.0),
    "threshold_db": (-100.0, 0.0),
    "release_ms": (0.1, 10_000.0),
    "drive_db": (0.0, 100.0),
    "room_size": (0.0, 1.0),
    "damping": (0.0, 1.0),
    "wet_fraction": (0.0, 1.0),
    "delay_ms": (0.1, 10_000.0),
    "feedback_fraction": (0.0, 0.99),
    "snr_db": (-100.0, 200.0),
    "seed": (0, 2**63),
    "bit_depth": (1.0, 32.0),
    "sample_rate_hz": (1_000.0, 192_000.0),
    "intensity": (0.0, GREATEST),
    "low_order": (1, 20),
    "high_order": (1, 20),
    "bias": (0.0, 5.0),
    "slope_db_per_octave": (-12.0, 12.0),
    "level_db": (-100.0, 60.0),
    "turn_s": (0.1, 10.0),
    "first_turn_fraction": (0.0, 1.0),
    "click_ms": (0.02, 10.0),
    "thump_hz": (5.0, 1_000.0),
    "thump_db": (-100.0, 60.0),
    "second_share": (0.0, 1.0),
    "phase_turns": (0.0, 1.0),
    "rate_hz": (0.1, 100.0),
    "sign": (-1, 1),
    "mains_hz": (10.0, 400.0),
}
"""By parameter, whatever takes it."""
_NEEDED = {
    BUTTERWORTH: {"order"},
    CHEBYSHEV_1: {"order", "ripple_db"},
    CHEBYSHEV_2: {"order", "stopband_db"},
    ELLIPTIC: {"order", "ripple_db", "stopband_db"},
    FIR: {"stopband_db", "transition_hz"},
}
"""Parameters of each kind of low-pass, besides its cut-off."""


def check_params(name: str, degradation: object, params: Any) -> None:
    """Check the parameters of a process as they were written down, of the right class.

    `StageError`, with the name of the degradation, if a value is of another kind or out of range,
    or one is missing.
    """

    def demand(fits: bool, field: str, expected: str) -> None:
        if not fits:
            value = short(getattr(params, field))
            raise StageError(f"{name} has {field}={value}: expected {expected}")

    if isinstance(params, Chain):
        if params.carrier != name:
            raise StageError(f"{name} has carrier={params.carrier!r}: expected {name!r}")
        for fault, its in params.faults:
            check_params(f"{name}: {fault}", degradation, its)
        return
    if isinstance(params, CodecParams):
        assert isinstance(degradation, Codec)
        _check_codec(degradation, params, demand)
        return
    needed = {field.name for field in dataclasses.fields(params)}
    if isinstance(params, LowpassParams):
        families = ", ".join(_NEEDED)
        demand(_is_one_of(params.family, _NEEDED), "family", f"one of {families}")
        needed = {"cutoff_hz"} | _NEEDED[params.family]
    if isinstance(params, ResampleParams):
        qualities = Resample.qualities
        demand(_is_one_of(params.quality, qualities), "quality", f"one of {', '.join(qualities)}")
    if isinstance(params, ReplayCurveParams):
        for end in ("cut_by", "replayed_by"):
            demand(_is_one_of(getattr(params, end), NAMES), end, f"one of {', '.join(NAMES)}")
    for field in dataclasses.fields(params):
        if field.name in RANGES and field.name in needed:
            low, high = RANGES[field.name]
            whole = isinstance(low, int)
            value = getattr(params, field.name)
            fits = _is_number(value, whole=whole) and low <= value <= high
            kind = "a whole number" if whole else "a number"
            demand(fits, field.name, f"{kind} in [{low:g}, {high:g}]")


def _check_codec(
    codec: Codec, params: CodecParams, demand: Callable[[bool, str, str], None]
) -> None:
    ways = [*codec.controls, *([VBR] if codec.qualities else [])]
    demand(_is_one_of(params.control, ways), "control", f"one of {', '.join(ways)}")
    if params.control == VBR:
        low, high = codec.qualities or (0.0, 0.0)
        fits = _is_number(params.quality) and low <= (params.quality or 0.0) <= high
        demand(fits, "quality", f"a number in [{low:g}, {high:g}]")
        return
    rates = {*codec.steps_kbps, *codec.bitrates_kbps}
    if params.control != DEFAULT:  # only its default way holds MP3 to the table of its standard
        rates |= set(range(min(rates), max(rates) + 1))
    kbps = params.bitrate_kbps
    fits = _is_number(kbps, whole=True) and kbps in rates
    demand(fits, "bitrate_kbps", f"a bitrate that it takes, {min(rates)} to {max(rates)}")


def _is_number(value: object, *, whole: bool = False) -> bool:
    kinds: type[Any] | tuple[type[Any], ...] = int if whole else (int, float)
    if not isinstance(value, kinds) or isinstance(value, bool):
        return False
    return isinstance(value, int) or math.isfinite(value)


def _is_one_of(value: object, names: Any) -> bool:
    return isinstance(value, str) and value in names
