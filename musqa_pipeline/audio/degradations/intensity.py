"""Four degradations with an intensity from 0 to 100, as listeners rated them in PMQD [1]_.

The paper made them with REAPER's effects waveShapingDstr, MGA_JSLimiter, butterworth24db and
pinknoiseegen; what these compute is written here anew. They work on stereo segments at 48 kHz,
never one after the other, and know levels: they expect masters, whose peaks are near full scale.
`effects.py` has a limiter, a distortion and a pink noise of other meanings.

References
----------
.. [1] A. Hilmkil, C. Thomé, A. Arpteg, "Perceiving Music Quality with GANs", arXiv:2006.06287,
   section "Degrading audio quality"; segments and ratings: github.com/Peltarion/pmqd.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import scipy
from numpy.typing import NDArray

from musqa_pipeline.audio.constants import SAMPLE_RATE_HZ
from musqa_pipeline.audio.degradations.applied import between
from musqa_pipeline.audio.measures.loudness import BLOCK_S, gain_to_target_db, integrated_lufs
from musqa_pipeline.core.errors import UnfitInputError

Stereo = NDArray[np.float32]
"""Samples of shape (n, 2)."""
MASTER_LUFS = -14.0
"""How loud the masters were that listeners rated, more or less."""
GREATEST = 100.0
"""The intensity that damages most; even 0 changes a segment."""
CLIPPED_AT = 2.0 ** (-0.2 / 6)
"""Of the low-pass, whose ringing may leave full scale."""
CEILING_DB = -0.1
"""Of the limiter."""
LOWEST_THRESHOLD_DB = -30.0
NOISE_POLES_HZ = (4752.456, 4030.961, 2784.711, 1538.461, 357.681, 70.0, 30.0)
"""Of the one-pole filters whose sum falls by about 3 dB an octave; the last is taken away."""
PINK_RMS_DB = 13.8
"""Of the noise before its gain, in dB above full scale."""


@dataclass(frozen=True)
class IntensityParams:
    """Parameters of a degradation without chance."""

    intensity: float
    """0 to 100."""


@dataclass(frozen=True)
class NoiseParams(IntensityParams):
    """Parameters of the noise."""

    seed: int
    """Seed of the noise itself."""


def at_loudness(x: Stereo, *, target_lufs: float = MASTER_LUFS) -> Stereo:
    """Bring music to an integrated loudness, or as near as it can come with no peak above 1.

    Raises UnfitInputError if it is silent, or shorter than a loudness takes.
    """
    if len(x) < BLOCK_S * SAMPLE_RATE_HZ:
        raise UnfitInputError(
            "too_short", f"a loudness takes {BLOCK_S:g} s or more", "use longer music"
        )
    lufs = integrated_lufs(np.asarray(x, np.float64))
    if not math.isfinite(lufs):
        raise UnfitInputError("silent", "it has no loudness to bring to a level", "use other music")
    gain = 10 ** (gain_to_target_db(lufs, target_lufs) / 20)
    return np.float32(min(gain, 1 / float(np.abs(x).max()))) * x


class IntensityDegradation(Protocol):
    """Something that lowers the quality of a stereo segment by an intensity."""

    @property
    def name(self) -> str:
        """Key in `INTENSITY_DEGRADATIONS`."""
        ...

    def draw(self, rng: np.random.Generator) -> IntensityParams:
        """Draw an intensity, uniformly from 0 to 100, and whatever else `apply` needs."""
        ...

    def with_intensity(self, intensity: float, rng: np.random.Generator) -> IntensityParams:
        """Choose the intensity, and draw the rest."""
        ...

    def apply(self, x: Stereo, params: IntensityParams) -> Stereo:
        """Degrade a segment, shape (n, 2) at 48 kHz: same input and parameters, same samples."""
        ...


class _WithoutChance:
    """A degradation that its intensity alone decides."""

    def draw(self, rng: np.random.Generator) -> IntensityParams:
        """Draw an intensity."""
        return IntensityParams(between(rng, 0.0, GREATEST))

    def with_intensity(self, intensity: float, rng: np.random.Generator) -> IntensityParams:
        """Choose the intensity; nothing else is drawn."""
        return IntensityParams(intensity)


class IntensityDistortion(_WithoutChance):
    """Waveshaping, from a curve like a sine's to nearly a square."""

    name = "intensity_distortion"

    def apply(self, x: Stereo, params: IntensityParams) -> Stereo:
        """Shape a segment."""
        shape = min((50 + params.intensity / 2) / 100, 0.999)
        k = 2 * shape / (1 - shape)
        clipped = np.clip(np.asarray(x, np.float64), -1, 1)
        return ((1 + k) * clipped / (1 + k * np.abs(clipped))).astype(np.float32)


class IntensityLowpass(_WithoutChance):
    """A low-pass of 24 dB an octave (Butterworth, order 4), from 20 kHz down to 1 kHz."""

    name = "intensity_lowpass"

    @staticmethod
    def cutoff_hz(intensity: float) -> float:
        """Return the frequency at which an intensity is down by 3 dB, in whole hertz."""
        turns = 16 + 1.20103 * (100 - 0.435 * intensity)
        return math.floor(8.17742 * math.exp(turns * math.log(1.059)))

    def apply(self, x: Stereo, params: IntensityParams) -> Stereo:
        """Filter a segment."""
        cutoff_hz = self.cutoff_hz(params.intensity)
        sections = scipy.signal.butter(4, cutoff_hz, fs=SAMPLE_RATE_HZ, output="sos")
        filtered = scipy.signal.sosfilt(sections, np.asarray(x, np.float64), axis=0)
        return np.clip(filtered, -CLIPPED_AT, CLIPPED_AT).astype(np.float32)


class IntensityLimiter(_WithoutChance):
    """A limiter that makes up for its threshold, as in overly loud masters; it looks not ahead."""

    name = "intensity_limiter"

    def apply(self, x: Stereo, params: IntensityParams) -> Stereo:
        """Limit a segment; no sample of the result is above `CEILING_DB`."""
        from musqa_pipeline.audio.degradations.compiled import limited  # it loads a compiler

        threshold = 10 ** (LOWEST_THRESHOLD_DB / 20 * params.intensity / GREATEST)
        samples = np.ascontiguousarray(x, np.float64)
        return limited(samples, threshold, 10 ** (CEILING_DB / 20)).astype(np.float32)


class IntensityNoise:
    """Pink noise whose level is not the music's; the result is mono in both channels."""

    name = "intensity_noise"

    def draw(self, rng: np.random.Generator) -> NoiseParams:
        """Draw an intensity and a seed."""
        return self.with_intensity(between(rng, 0.0, GREATEST), rng)

    def with_intensity(self, intensity: float, rng: np.random.Generator) -> NoiseParams:
        """Choose the intensity, and draw the seed."""
        return NoiseParams(intensity, int(rng.integers(2**31)))

    def apply(self, x: Stereo, params: IntensityParams) -> Stereo:
        """Add noise to a segment."""
        if not isinstance(params, NoiseParams):
            raise TypeError("the noise needs a seed: NoiseParams(intensity, seed)")
        gain = 10 ** (noise_gain_db(params.intensity) / 20)
        mono = np.asarray(x, np.float64).mean(axis=1) + gain * pink_noise(len(x), params.seed)
        return np.repeat(mono[:, None], 2, axis=1).astype(np.float32)


def noise_gain_db(intensity: float) -> float:
    """Return the gain of the noise, -53 to -28 dB."""
    return -25 * (1 - intensity / GREATEST) - 28


def pink_noise(n_samples: int, seed: int) -> NDArray[np.float64]:
    """Make pink noise at 48 kHz with an RMS of about `PINK_RMS_DB`, shape (n_samples,)."""
    white = np.random.Generator(np.random.PCG64(seed)).uniform(-1, 1, n_samples)
    poles = [math.exp(-2 * math.pi * hz / SAMPLE_RATE_HZ) for hz in NOISE_POLES_HZ]
    *added, taken = (scipy.signal.lfilter([pole], [1.0, -pole], white) for pole in poles)
    pink: NDArray[np.float64] = white + np.sum(added, axis=0) - taken
    return pink


INTENSITY_DEGRADATIONS: dict[str, IntensityDegradation] = {
    degradation.name: degradation
    for degradation in (
        IntensityDistortion(),
        IntensityLimiter(),
        IntensityLowpass(),
        IntensityNoise(),
    )
}
"""All four by name. They are no rows of `processes.DEGRADATIONS`, which work on mono references and
draw more than an intensity."""
