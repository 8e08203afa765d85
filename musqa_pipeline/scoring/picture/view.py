"""What of a recording is looked at: a part of its time and band, one channel, one scale."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from musqa_pipeline.core.errors import SettingsError

LOWEST_LOG_HZ = 20.0
"""Where a logarithmic axis begins that is asked to begin at 0."""
SHORTEST_S = 0.001
NARROWEST_HZ = 1.0
MOST_COLUMNS, MOST_ROWS = 4_096, 2_048
SHORTEST_FRAME_S, LONGEST_FRAME_S = 0.002, 1.0
DEFAULT_FRAME_S = 2_048 / 48_000
NAMED_CHANNELS = ("mix", "left", "right", "mid", "side")


class Scale(StrEnum):
    """How frequencies are spread over the height of a picture."""

    linear = "linear"
    mel = "mel"
    log = "log"


@dataclass(frozen=True, kw_only=True)
class View:
    """A part of a recording, and how finely it is drawn."""

    start_s: float = 0.0
    stop_s: float | None = None
    """The end of the recording if None, or if it lies beyond."""
    low_hz: float = 0.0
    high_hz: float | None = None
    """Half the sample rate if None, or if it lies beyond."""
    scale: Scale = Scale.linear
    channel: str = "mix"
    """``mix`` (the mean of all), ``left``, ``right``, ``mid``, ``side``, or a number from 1."""
    frame_s: float = DEFAULT_FRAME_S
    """About how long the frames are; the nearest power of two in samples."""
    columns: int = 1_200
    rows: int = 400

    def __post_init__(self) -> None:
        def refuse(name: str, value: object, expected: str) -> None:
            raise SettingsError(f"{name} {value}: expected {expected}")

        if not (math.isfinite(self.start_s) and self.start_s >= 0):
            refuse("start_s", self.start_s, "0 or more seconds")
        if self.stop_s is not None and not self.stop_s >= self.start_s + SHORTEST_S:
            refuse("stop_s", self.stop_s, f"at least {SHORTEST_S} s after start_s {self.start_s:g}")
        if not (math.isfinite(self.low_hz) and self.low_hz >= 0):
            refuse("low_hz", self.low_hz, "0 Hz or more")
        if self.high_hz is not None and not self.high_hz >= self.low_hz + NARROWEST_HZ:
            refuse("high_hz", self.high_hz, f"at least 1 Hz above low_hz {self.low_hz:g}")
        if self.scale not in list(Scale):
            refuse("scale", self.scale, ", ".join(Scale))
        if self.channel not in NAMED_CHANNELS and not re.fullmatch(r"[1-9]\d?", self.channel):
            refuse("channel", self.channel, f"{', '.join(NAMED_CHANNELS)}, or a number from 1")
        if not SHORTEST_FRAME_S <= self.frame_s <= LONGEST_FRAME_S:
            refuse("frame_s", self.frame_s, f"{SHORTEST_FRAME_S} to {LONGEST_FRAME_S:g} seconds")
        for name, value, most in (
            ("columns", self.columns, MOST_COLUMNS),
            ("rows", self.rows, MOST_ROWS),
        ):
            if not 1 <= value <= most:
                refuse(name, value, f"1 to {most}")

    def within(self, duration_s: float, sample_rate_hz: int) -> View:
        """Fit it to a recording: ends that were left open or lie beyond are the recording's.

        A logarithmic scale begins at `LOWEST_LOG_HZ` or above. Raise SettingsError if nothing of
        the recording is left.
        """
        half_hz = sample_rate_hz / 2
        stop_s = duration_s if self.stop_s is None else min(self.stop_s, duration_s)
        if self.start_s > 0 and self.start_s + SHORTEST_S > stop_s:
            raise SettingsError(
                f"start_s {self.start_s:g}: the recording ends at {duration_s:.1f} s; begin earlier"
            )
        low_hz = max(self.low_hz, LOWEST_LOG_HZ) if self.scale == Scale.log else self.low_hz
        high_hz = half_hz if self.high_hz is None else min(self.high_hz, half_hz)
        if low_hz + NARROWEST_HZ > high_hz:
            raise SettingsError(
                f"low_hz {low_hz:g}: expected less than {high_hz:g}; at {sample_rate_hz} Hz there "
                f"is nothing above {half_hz:g}"
            )
        return replace(self, stop_s=stop_s, low_hz=low_hz, high_hz=high_hz)

    def edges_hz(self) -> NDArray[np.float64]:
        """Return the edges of the rows, (rows + 1,), from the lowest; of a view that is `within`.

        They are equally far from each other on the scale.
        """
        assert self.high_hz is not None
        ends = on_scale(np.array([self.low_hz, self.high_hz]), self.scale)
        return off_scale(np.linspace(ends[0], ends[1], self.rows + 1), self.scale)


def on_scale(hz: NDArray[np.float64], scale: Scale) -> NDArray[np.float64]:
    """Return where frequencies lie on a scale; above 0 Hz where it is logarithmic.

    Mel are those of O'Shaughnessy, *Speech Communication* (1987): 2595 log10(1 + f / 700).
    """
    if scale == Scale.mel:
        return 2595.0 * np.log10(1.0 + hz / 700.0)
    return np.log(hz) if scale == Scale.log else hz


def off_scale(places: NDArray[np.float64], scale: Scale) -> NDArray[np.float64]:
    """Return the frequencies in Hz at places of a scale, the inverse of `on_scale`."""
    if scale == Scale.mel:
        return 700.0 * (10.0 ** (places / 2595.0) - 1.0)
    return np.exp(places) if scale == Scale.log else places
