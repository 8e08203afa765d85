"""A scratch: one wound across the grooves, which comes back with every turn."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from musqa_pipeline.audio.constants import SAMPLE_RATE_HZ
from musqa_pipeline.audio.degradations.applied import between
from musqa_pipeline.audio.degradations.carriers.crackle import add_click
from musqa_pipeline.audio.degradations.carriers.fault import (
    FaultParams,
    Floats,
    Medium,
    linear,
    rms,
)

LEVEL_DB = (-12.0, 18.0)
CLICK_S = (0.1, 0.5)
"""Decay of the click in milliseconds."""
THUMP_HZ = (30.0, 100.0)
THUMP_DB = (-18.0, -6.0)
"""Of the thump's first swing, relative to the click's peak."""
THUMP_DECAY_S = 0.04


@dataclass(frozen=True)
class ScratchParams(FaultParams):
    """Parameters of a scratch."""

    turn_s: float
    """How long a turn of the record takes."""
    first_turn_fraction: float
    """When the wound comes first, in turns."""
    click_ms: float
    """Decay of the click."""
    thump_hz: float
    """What the arm answers with."""
    thump_db: float
    """Its first swing, relative to the click's peak."""


class Scratch:
    """A click and a thump every turn, -12 to +18 dB relative to the music's RMS."""

    name = "scratch"
    params = ScratchParams

    def with_intensity(
        self, intensity: float, rng: np.random.Generator, medium: Medium
    ) -> ScratchParams:
        """Draw where the wound lies and what it sounds like."""
        return ScratchParams(
            intensity,
            medium.turn_s,
            between(rng, 0.0, 1.0),
            between(rng, *CLICK_S),
            between(rng, *THUMP_HZ),
            between(rng, *THUMP_DB),
        )

    @staticmethod
    def level_db(intensity: float) -> float:
        """Return the click's peak relative to the music's RMS."""
        return linear(intensity, *LEVEL_DB)

    @staticmethod
    def onsets(n_samples: int, params: ScratchParams) -> NDArray[np.int64]:
        """Return the samples at which the wound passes."""
        turn_samples = SAMPLE_RATE_HZ * params.turn_s
        first = params.first_turn_fraction * turn_samples
        return np.rint(np.arange(first, n_samples, turn_samples)).astype(np.int64)

    def apply(self, x: Floats, params: ScratchParams) -> Floats:
        """Add click and thump of each turn."""
        height = 10 ** (self.level_db(params.intensity) / 20) * rms(x)
        time_s = np.arange(int(12 * THUMP_DECAY_S * SAMPLE_RATE_HZ)) / SAMPLE_RATE_HZ
        thump = np.sin(2 * np.pi * params.thump_hz * time_s) * np.exp(-time_s / THUMP_DECAY_S)
        thump *= height * 10 ** (params.thump_db / 20) / np.abs(thump).max()
        damaged = x.copy()
        for onset in self.onsets(len(x), params).tolist():
            add_click(damaged, onset, height, params.click_ms / 1000)
            part = damaged[onset : onset + len(thump)]
            part += thump[: len(part)]
        return damaged
