"""Dropouts: moments in which tape loses its contact with the head, quieter and duller."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy

from musqa_pipeline.audio.constants import SAMPLE_RATE_HZ
from musqa_pipeline.audio.degradations.applied import between
from musqa_pipeline.audio.degradations.carriers.crackle import poisson_onsets_s
from musqa_pipeline.audio.degradations.carriers.fault import (
    FaultParams,
    Floats,
    Medium,
    draw_seed,
    logarithmic,
)

DIPS_PER_S = (0.1, 10.0)
DURATION_S = (0.005, 0.06)
LEVEL_DB = (-20.0, -6.0)
EDGE_HZ = 1_500.0
"""What distance from the head leaves of the band."""
EDGE_S = 0.002
"""In which a dip begins, and ends."""


@dataclass(frozen=True)
class DropoutParams(FaultParams):
    """Parameters of dropouts."""

    level_db: float
    """Of what is left in a dip."""
    seed: int


class Dropout:
    """Dull dips of 5 to 60 ms, 0.1 to 10 a second, as a Poisson process."""

    name = "dropout"
    params = DropoutParams

    def with_intensity(
        self, intensity: float, rng: np.random.Generator, medium: Medium
    ) -> DropoutParams:
        """Draw the level in dips, and a seed."""
        return DropoutParams(intensity, between(rng, *LEVEL_DB), draw_seed(rng))

    @staticmethod
    def dips_per_s(intensity: float) -> float:
        """Return the mean rate."""
        return logarithmic(intensity, *DIPS_PER_S)

    def dips_s(self, duration_s: float, params: DropoutParams) -> tuple[Floats, Floats]:
        """Return when dips begin, and how long each lasts; they may overlap."""
        rng = np.random.Generator(np.random.PCG64(params.seed))
        onsets_s = poisson_onsets_s(duration_s, self.dips_per_s(params.intensity), rng)
        shortest_s, longest_s = DURATION_S
        return onsets_s, shortest_s * (longest_s / shortest_s) ** rng.random(len(onsets_s))

    def apply(self, x: Floats, params: DropoutParams) -> Floats:
        """Fade to what is left of the music, and back."""
        time_s = np.arange(len(x)) / SAMPLE_RATE_HZ
        depth = np.zeros(len(x))
        dips = zip(*self.dips_s(len(x) / SAMPLE_RATE_HZ, params), strict=True)
        for onset_s, duration_s in dips:
            part = slice(*np.searchsorted(time_s, [onset_s, onset_s + duration_s]))
            near_s = np.minimum(time_s[part] - onset_s, onset_s + duration_s - time_s[part])
            dip = 0.5 - 0.5 * np.cos(np.pi * np.clip(near_s / EDGE_S, 0, 1))
            depth[part] = np.maximum(depth[part], dip)
        sections = scipy.signal.butter(2, EDGE_HZ, fs=SAMPLE_RATE_HZ, output="sos")
        dull = scipy.signal.sosfiltfilt(sections, x)
        return (1 - depth) * x + depth * 10 ** (params.level_db / 20) * dull
