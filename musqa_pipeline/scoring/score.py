"""What the scorer answers: a score with its interval, windows over time, and events with times.

Scores are predicted ViSQOL MOS-LQO, from 1 to about 4.73; `words.py` says what they mean.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True)
class Event:
    """Something that was found at some place of a recording, and may be why it sounds bad."""

    kind: str
    """Name of the detector: band_edge, holes, pre_echo, clipping, click, dropout, hum, noise,
    mono_collapse."""
    start_s: float
    stop_s: float
    strength: float
    """How strong it is, in `unit`."""
    unit: str
    """Unit of `strength`: hz, db, fraction, count."""
    text: str
    """One plain sentence for a person, such as "nothing above 16.0 kHz; MP3 at 128 kbit/s leaves
    such an edge"."""
    details: Mapping[str, Any] = field(default_factory=dict)
    """More numbers, by name with its unit; plain JSON values."""


@dataclass(frozen=True)
class WindowScore:
    """The score of 10 s, or of what there is of them."""

    start_s: float
    stop_s: float
    mos: float | None
    """Predicted MOS-LQO; None where the scorer abstains."""
    mos_low: float | None = None
    mos_high: float | None = None
    """Ends of the calibrated 90 % interval; None for a model without calibration."""
    abstained: str = ""
    """Why there is no score, in one word: silence, short, speech, unfamiliar; empty if there is."""


@dataclass(frozen=True)
class Origin:
    """Whether a recording was coded by a lossy codec before, and how that is known."""

    verdict: str
    """genuine, possibly lossy or likely lossy; lossy file for a file whose own codec is lossy."""
    codec: str = ""
    """From what, such as "MP3 at 128 kbit/s"; empty where it is unknown, or genuine."""
    evidence: tuple[str, ...] = ()
    """What was found, one plain sentence each."""


@dataclass(frozen=True)
class Alternative:
    """One of two answers that both fit."""

    mos: float
    probability: float
    """As the model sees it; those of both sum to 1."""
    cause: str = ""
    """What it takes for granted: treble, that a filter took the treble; damage, of another kind;
    empty, that the recording was made as it is."""


@dataclass(frozen=True)
class Score:
    """The score of a recording."""

    mos: float | None
    """Predicted MOS-LQO, the mean of its windows; None where the scorer abstains."""
    mos_low: float | None
    mos_high: float | None
    """Ends of the calibrated 90 % interval; None for a model without calibration."""
    word: str
    """What the number alone means, from `words.py`; empty where there is none."""
    abstained: str
    """Why there is no score, in one word; empty if there is one."""
    reason: str
    """The same as a sentence, what to do, and what was found all the same; empty with a score."""
    flags: tuple[str, ...]
    """What to know about the number: looped, clipped_input, mixed_windows, …"""
    duration_s: float
    sample_rate_hz: int
    channels: int
    bandwidth_hz: float | None
    """Upper edge of what there is to hear."""
    loudness_lufs: float | None
    """Integrated loudness (ITU-R BS.1770-4) of all channels; None where all is below its gate."""
    true_peak_dbtp: float | None
    origin: Origin | None = field(default=None, kw_only=True)
    """None where it was not looked for or cannot be told: silence, rates below 32 kHz."""
    cause: str
    """The likeliest cause of a low score, one sentence; empty where nothing was found."""
    windows: tuple[WindowScore, ...] = ()
    events: tuple[Event, ...] = ()
    model: str = ""
    """Name and version of the model."""
    words: str = ""
    """What the interval allows, such as "good or better"; empty where there is no score."""
    sentence: str = ""
    """What is heard of this recording, how much, and why; empty where there is no score."""
    alternatives: tuple[Alternative, ...] = ()
    """Two answers that both fit, the worse one first, where `mos`, their mean, describes neither;
    empty otherwise."""

    def as_dict(self) -> dict[str, Any]:
        """Return plain values, ready for JSON."""
        return asdict(self)
