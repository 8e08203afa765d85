"""The registry of degradations, and the 45 processes of paper 001, tables I and II.

A new degradation is one small class and one line of `DEGRADATIONS`. A process is a degradation
with its parameters fixed and a number; a cascade is two processes, one after the other.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from musqa_pipeline.audio.degradations import effects
from musqa_pipeline.audio.degradations.applied import Degradation
from musqa_pipeline.audio.degradations.carriers.chains import CARRIERS, Carrier
from musqa_pipeline.audio.degradations.codecs import ADTS, MP2, MP3, OGG, OPUS, CodecParams
from musqa_pipeline.audio.degradations.lowpass import Lowpass, LowpassParams

_EVERY: tuple[Degradation, ...] = (
    MP2,
    MP3,
    ADTS,
    OGG,
    OPUS,
    Lowpass(),
    effects.Limiter(),
    effects.Clipping(),
    effects.Distortion(),
    effects.Reverb(),
    effects.Echo(),
    effects.WhiteNoise(),
    effects.PinkNoise(),
    effects.BitCrush(),
    effects.Resample(),
    *(Carrier(name) for name in CARRIERS),
)
DEGRADATIONS: dict[str, Degradation] = {d.name: d for d in _EVERY}
"""Every degradation by name; a new one comes last, because classes of random rows count them."""

CUTOFFS_HZ = (3_500.0, 5_000.0, 7_500.0, 9_000.0)
"""Table II."""


@dataclass(frozen=True)
class Process:
    """A degradation with fixed parameters."""

    process_id: int
    """Number in tables I and II, 1-45; of a random process the number of its class."""
    name: str
    """Key of `DEGRADATIONS`."""
    params: Any
    """What the degradation's `apply` takes."""

    @property
    def bitrate_kbps(self) -> float | None:
        """Bitrate of a codec in kbit/s, None for a filter."""
        return getattr(self.params, "bitrate_kbps", None)

    @property
    def cutoff_hz(self) -> float | None:
        """Cut-off of a filter in hertz, None for a codec."""
        return getattr(self.params, "cutoff_hz", None)


def _paper_processes() -> dict[int, Process]:
    """Count through the tables; "mp3 9-6" in table I is a misprint for 9-16."""
    settings: list[tuple[str, Any]] = [
        (codec.name, CodecParams(bitrate_kbps))
        for codec in (MP2, MP3, ADTS, OGG, OPUS)
        for bitrate_kbps in codec.bitrates_kbps
    ]
    settings += [("lowpass", LowpassParams(cutoff_hz)) for cutoff_hz in CUTOFFS_HZ]
    return {i: Process(i, name, params) for i, (name, params) in enumerate(settings, start=1)}


PROCESSES: dict[int, Process] = _paper_processes()
"""The processes of paper 001 by id, 1-45."""
