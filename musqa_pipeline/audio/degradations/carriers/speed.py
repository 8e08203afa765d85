"""Wow, flutter and wrong speed: time that does not run evenly."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from musqa_pipeline.audio.constants import SAMPLE_RATE_HZ
from musqa_pipeline.audio.degradations.applied import between
from musqa_pipeline.audio.degradations.carriers.fault import (
    FaultParams,
    Floats,
    Medium,
    logarithmic,
)

WOW_PERCENT, FLUTTER_PERCENT, SPEED_PERCENT = (0.03, 3.0), (0.01, 1.0), (0.1, 6.0)
FLUTTER_HZ = (5.0, 20.0)
HALF_TAPS, KAISER_BETA, STEPS = 32, 9.0, 2048
"""Of the interpolation: neighbours to each side, its window, and steps of its table between two
samples, which are interpolated linearly."""


@dataclass(frozen=True)
class WowParams(FaultParams):
    """Parameters of wow."""

    turn_s: float
    """How long a turn of the carrier takes."""
    second_share: float
    """Of the deviation at twice that rate, as a warped record has it."""
    phase_turns: float


class Wow:
    """Slow changes of pitch, at the rate of the turn and twice that, 0.03 to 3 % at their peak."""

    name = "wow"
    params = WowParams

    def with_intensity(
        self, intensity: float, rng: np.random.Generator, medium: Medium
    ) -> WowParams:
        """Draw the share of the second harmonic, and a phase."""
        return WowParams(intensity, medium.turn_s, between(rng, 0.0, 0.5), between(rng, 0.0, 1.0))

    @staticmethod
    def peak_percent(intensity: float) -> float:
        """Return the largest deviation of pitch."""
        return logarithmic(intensity, *WOW_PERCENT)

    def apply(self, x: Floats, params: WowParams) -> Floats:
        """Warp the music's time."""
        turns = np.arange(len(x)) / (SAMPLE_RATE_HZ * params.turn_s) + params.phase_turns
        share = params.second_share
        course = (1 - share) * np.sin(2 * np.pi * turns) + share * np.sin(4 * np.pi * turns)
        return _with_pitch(x, self.peak_percent(params.intensity) * course / _peak_of(share))


@dataclass(frozen=True)
class FlutterParams(FaultParams):
    """Parameters of flutter."""

    rate_hz: float
    phase_turns: float


class Flutter:
    """Fast changes of pitch, 5 to 20 a second, 0.01 to 1 % at their peak."""

    name = "flutter"
    params = FlutterParams

    def with_intensity(
        self, intensity: float, rng: np.random.Generator, medium: Medium
    ) -> FlutterParams:
        """Draw a rate, and a phase."""
        return FlutterParams(intensity, between(rng, *FLUTTER_HZ), between(rng, 0.0, 1.0))

    @staticmethod
    def peak_percent(intensity: float) -> float:
        """Return the largest deviation of pitch."""
        return logarithmic(intensity, *FLUTTER_PERCENT)

    def apply(self, x: Floats, params: FlutterParams) -> Floats:
        """Warp the music's time."""
        turns = params.rate_hz * np.arange(len(x)) / SAMPLE_RATE_HZ + params.phase_turns
        return _with_pitch(x, self.peak_percent(params.intensity) * np.sin(2 * np.pi * turns))


@dataclass(frozen=True)
class SpeedParams(FaultParams):
    """Parameters of wrong speed."""

    sign: int
    """1 for too fast, -1 for too slow."""


class Speed:
    """A speed that is wrong by 0.1 to 6 %; what is missing at the end is the music mirrored."""

    name = "speed"
    params = SpeedParams

    def with_intensity(
        self, intensity: float, rng: np.random.Generator, medium: Medium
    ) -> SpeedParams:
        """Draw too fast or too slow."""
        return SpeedParams(intensity, int(rng.choice([-1, 1])))

    @staticmethod
    def percent(intensity: float) -> float:
        """Return by how much the speed is wrong."""
        return logarithmic(intensity, *SPEED_PERCENT)

    def apply(self, x: Floats, params: SpeedParams) -> Floats:
        """Play the music at the wrong speed."""
        return _with_pitch(x, np.full(len(x), params.sign * self.percent(params.intensity)))


def _peak_of(share: float) -> float:
    """Return the largest value of a sine and its octave, whose shares add up to 1."""
    turn = np.linspace(0, 2 * np.pi, 2000)
    return float(np.abs((1 - share) * np.sin(turn) + share * np.sin(2 * turn)).max())


def _with_pitch(x: Floats, deviation_percent: Floats) -> Floats:
    """Play music so that its pitch deviates by so much at each moment of the result."""
    speed = 1 + deviation_percent / 100
    position = np.concatenate([[0.0], np.cumsum((speed[1:] + speed[:-1]) / 2)])
    return warped(x, position, bandwidth=1 / max(1.0, float(speed.max())))


def warped(x: Floats, position: Floats, *, bandwidth: float = 1.0) -> Floats:
    """Read music at places between its samples, by a sinc under a Kaiser window.

    Parameters
    ----------
    x : ndarray of float64, shape (n,)
        Beyond its ends it is mirrored.
    position : ndarray of float64, shape (any,)
        Where to read, in samples, no farther than `n` beyond the ends.
    bandwidth : float
        Of what is kept, as a share of half the rate, in 0-1: below 1 where music is played faster,
        so that nothing folds back.

    Returns
    -------
    ndarray of float64, shape of `position`
        Tones up to 0.9 of the bandwidth are within -85 dB of the truth.
    """
    from musqa_pipeline.audio.degradations.compiled import read_between  # it loads a compiler

    reach = math.ceil(HALF_TAPS / bandwidth)
    room = max(0, math.ceil(position.max()) - len(x) + 1) + reach + 1
    front = max(0, math.ceil(-position.min())) + reach + 1
    mirrored = np.pad(x, (front, room), mode="reflect")
    offset = np.linspace(0, reach + 1, (reach + 1) * STEPS + 1)
    inside = np.clip(offset / reach, 0, 1)
    table = (
        bandwidth
        * np.sinc(bandwidth * offset)
        * np.i0(KAISER_BETA * np.sqrt(1 - inside**2))
        / np.i0(KAISER_BETA)
    )
    table[offset > reach] = 0
    return read_between(mirrored, position + front, table, reach, STEPS)
