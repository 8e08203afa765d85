"""Crackle: dust and pits in a groove, at moments of chance."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from musqa_pipeline.audio.constants import SAMPLE_RATE_HZ
from musqa_pipeline.audio.degradations.applied import between
from musqa_pipeline.audio.degradations.carriers.fault import (
    FaultParams,
    Floats,
    Medium,
    draw_seed,
    logarithmic,
    rms,
)

CLICKS_PER_S = (0.3, 300.0)
LEVEL_DB = (-6.0, 12.0)
"""Of the middle click's peak, relative to the music's RMS."""
SPREAD_DB = 6.0
"""Standard deviation of clicks' levels, which are log-normal."""
DECAY_S = (0.05e-3, 1.5e-3)


@dataclass(frozen=True)
class CrackleParams(FaultParams):
    """Parameters of crackle."""

    level_db: float
    """Of the middle click's peak, relative to the music's RMS."""
    seed: int


class Crackle:
    """Clicks that decay within 0.05 to 1.5 ms, 0.3 to 300 a second, as a Poisson process."""

    name = "crackle"
    params = CrackleParams

    def with_intensity(
        self, intensity: float, rng: np.random.Generator, medium: Medium
    ) -> CrackleParams:
        """Draw the level of clicks, and a seed."""
        return CrackleParams(intensity, between(rng, *LEVEL_DB), draw_seed(rng))

    @staticmethod
    def clicks_per_s(intensity: float) -> float:
        """Return the mean rate."""
        return logarithmic(intensity, *CLICKS_PER_S)

    def onsets_s(self, duration_s: float, params: CrackleParams) -> Floats:
        """Return when clicks begin; the gaps between them are exponential."""
        rng = np.random.Generator(np.random.PCG64(params.seed))
        return poisson_onsets_s(duration_s, self.clicks_per_s(params.intensity), rng)

    def apply(self, x: Floats, params: CrackleParams) -> Floats:
        """Add the clicks."""
        onsets_s = self.onsets_s(len(x) / SAMPLE_RATE_HZ, params)
        rng = np.random.Generator(np.random.PCG64([params.seed, 1]))
        level_db = params.level_db + SPREAD_DB * rng.standard_normal(len(onsets_s))
        decay_s = DECAY_S[0] * (DECAY_S[1] / DECAY_S[0]) ** rng.random(len(onsets_s))
        sign = rng.choice([-1.0, 1.0], len(onsets_s))
        peak = sign * 10 ** (level_db / 20) * rms(x)
        damaged = x.copy()
        for onset_s, height, fades_s in zip(onsets_s, peak, decay_s, strict=True):
            add_click(damaged, round(onset_s * SAMPLE_RATE_HZ), height, fades_s)
        return damaged


def poisson_onsets_s(duration_s: float, rate_per_s: float, rng: np.random.Generator) -> Floats:
    """Draw the moments of a Poisson process, in order."""
    n_more = int(10 + 2 * rate_per_s * duration_s)
    onsets_s = np.zeros(1)
    while onsets_s[-1] < duration_s:
        gaps_s = rng.exponential(1 / rate_per_s, n_more)
        onsets_s = np.concatenate([onsets_s, onsets_s[-1] + np.cumsum(gaps_s)])
    return onsets_s[1:][onsets_s[1:] < duration_s]


def add_click(x: Floats, onset: int, height: float, decay_s: float) -> None:
    """Add a click to samples, in place: it begins at its height and falls by e in `decay_s`."""
    if onset >= len(x):
        return
    n_samples = min(len(x) - onset, int(12 * decay_s * SAMPLE_RATE_HZ) + 1)  # to -104 dB
    x[onset : onset + n_samples] += height * np.exp(
        -np.arange(n_samples) / (decay_s * SAMPLE_RATE_HZ)
    )
