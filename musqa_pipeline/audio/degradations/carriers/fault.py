"""What a fault is, and the scales that intensities are placed on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from musqa_pipeline.audio.constants import SAMPLE_RATE_HZ

Floats = NDArray[np.float64]
GREATEST = 100.0
"""The intensity that damages most."""


@dataclass(frozen=True)
class FaultParams:
    """Parameters of a fault; its name is the key of its class in `chains.FAULTS`."""

    intensity: float
    """0 to 100."""


TURN_S = {
    "cylinder": (60 / 160,),
    "shellac": (60 / 78.26,),
    "lp": (1.8, 60 / 45),
    "tape": (1.0,),
}
"""How long a turn may take, by carrier: 160, 78.26, 33 1/3 or 45 a minute; of tape, that of a reel
somewhere between full and empty."""


@dataclass(frozen=True)
class Medium:
    """What the faults of one transfer have in common."""

    carrier: str
    """Key of `TURN_S`."""
    turn_s: float

    @classmethod
    def draw(cls, carrier: str, rng: np.random.Generator) -> Medium:
        """Draw how fast a carrier turns."""
        return cls(carrier, round(float(rng.choice(TURN_S[carrier])), 6))


class Fault(Protocol):
    """One kind of damage."""

    @property
    def name(self) -> str:
        """Key in `chains.FAULTS`."""
        ...

    @property
    def params(self) -> type[Any]:
        """Its parameters, a frozen dataclass."""
        ...

    def with_intensity(self, intensity: float, rng: np.random.Generator, medium: Medium) -> Any:
        """Choose the intensity, and draw the rest."""
        ...

    def apply(self, x: Floats, params: Any) -> Floats:
        """Damage samples, shape (n,) at 48 kHz, mono: same input and parameters, same samples."""
        ...


def draw_seed(rng: np.random.Generator) -> int:
    """Draw the seed of what a fault does by chance."""
    return int(rng.integers(2**31))


def linear(intensity: float, mildest: float, strongest: float) -> float:
    """Place an intensity between two ends."""
    return mildest + (strongest - mildest) * intensity / GREATEST


def logarithmic(intensity: float, mildest: float, strongest: float) -> float:
    """Place an intensity between two ends above 0, by equal factors."""
    return float(mildest * (strongest / mildest) ** (intensity / GREATEST))


def rms(x: Floats) -> float:
    """Return the root of the mean square."""
    return float(np.sqrt(np.mean(np.square(x))))


def at_rms(x: Floats, level_db: float, music: Floats) -> Floats:
    """Bring what is added to a level relative to the music's RMS."""
    return x * (10 ** (level_db / 20) * rms(music) / rms(x))


def shaped_noise(n_samples: int, seed: int, gain_at: Any) -> Floats:
    """Make Gaussian noise whose spectrum has the amplitude `gain_at` (hertz), an array function."""
    noise = np.random.Generator(np.random.PCG64(seed)).standard_normal(n_samples)
    frequency_hz = np.fft.rfftfreq(n_samples, 1 / SAMPLE_RATE_HZ)
    return np.fft.irfft(np.fft.rfft(noise) * gain_at(frequency_hz), n_samples)
