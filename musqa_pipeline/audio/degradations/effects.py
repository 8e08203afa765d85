"""Degradations beyond codecs and filters: dynamics, distortion, room, noise and resolution.

Of these only resampling belongs to random rows that do not name the others. Effects come from
pedalboard (GPL-3, in the extra `factory` alone), noise from numpy with a seed that is drawn and
stored like any other parameter. Thresholds are relative to the signal's own peak, noise to its own
power, so that a parameter does the same damage to loud and quiet music.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pedalboard
import soxr
from numpy.typing import NDArray

from musqa_pipeline.audio.constants import SAMPLE_RATE_HZ
from musqa_pipeline.audio.degradations.applied import (
    Applied,
    between,
    log_between,
    one_of,
    stored_as_flac,
)


@dataclass(frozen=True)
class LimiterParams:
    """Parameters of the limiter."""

    threshold_db: float
    """Where limiting starts, in dB below the signal's peak (negative)."""
    release_ms: float
    """Time in which the gain returns."""


class Limiter:
    """Two stages of compression with make-up gain, as in overly loud masters."""

    name = "limiter"

    def draw(self, rng: np.random.Generator) -> LimiterParams:
        """Draw a threshold of -24 to -6 dB and a release of 20 to 200 ms."""
        return LimiterParams(between(rng, -24.0, -6.0), between(rng, 20.0, 200.0))

    def apply(self, x: NDArray[np.float32], params: LimiterParams) -> Applied:
        """Limit a signal whose peak was brought to full scale."""
        effect = pedalboard.Limiter(params.threshold_db, params.release_ms)
        return stored_as_flac(_through(effect, _peak_at_full_scale(x)))


@dataclass(frozen=True)
class ClippingParams:
    """Parameters of hard clipping."""

    threshold_db: float
    """Where samples are cut, in dB below the signal's peak (negative)."""


class Clipping:
    """Hard clipping."""

    name = "clipping"

    def draw(self, rng: np.random.Generator) -> ClippingParams:
        """Draw a threshold of -24 to -3 dB."""
        return ClippingParams(between(rng, -24.0, -3.0))

    def apply(self, x: NDArray[np.float32], params: ClippingParams) -> Applied:
        """Cut the samples of a signal."""
        effect = pedalboard.Clipping(params.threshold_db)
        return stored_as_flac(_through(effect, _peak_at_full_scale(x)))


@dataclass(frozen=True)
class DistortionParams:
    """Parameters of soft distortion."""

    drive_db: float
    """Gain before the tanh curve, for a signal with its peak at full scale."""


class Distortion:
    """Soft saturation: the hyperbolic tangent of the amplified signal."""

    name = "distortion"

    def draw(self, rng: np.random.Generator) -> DistortionParams:
        """Draw a drive of 0 to 30 dB."""
        return DistortionParams(between(rng, 0.0, 30.0))

    def apply(self, x: NDArray[np.float32], params: DistortionParams) -> Applied:
        """Saturate a signal."""
        effect = pedalboard.Distortion(params.drive_db)
        return stored_as_flac(_through(effect, _peak_at_full_scale(x)))


@dataclass(frozen=True)
class ReverbParams:
    """Parameters of the room."""

    room_size: float
    """0 to 1; the decay gets longer."""
    damping: float
    """0 to 1; the decay gets darker."""
    wet_fraction: float
    """0 (dry) to 1 (reverberation alone)."""


class Reverb:
    """An artificial room (Freeverb)."""

    name = "reverb"

    def draw(self, rng: np.random.Generator) -> ReverbParams:
        """Draw a room size of 0.1 to 0.95, any damping and a wet fraction of 0.1 to 0.7."""
        return ReverbParams(between(rng, 0.1, 0.95), between(rng, 0.0, 1.0), between(rng, 0.1, 0.7))

    def apply(self, x: NDArray[np.float32], params: ReverbParams) -> Applied:
        """Put a signal into the room."""
        effect = pedalboard.Reverb(
            room_size=params.room_size,
            damping=params.damping,
            wet_level=params.wet_fraction,
            dry_level=1.0 - params.wet_fraction,
        )
        return stored_as_flac(_through(effect, x))


@dataclass(frozen=True)
class EchoParams:
    """Parameters of the echo."""

    delay_ms: float
    """Time between echoes."""
    feedback_fraction: float
    """How much of an echo echoes again, 0 to below 1."""
    wet_fraction: float
    """0 (dry) to 1 (echoes alone)."""


class Echo:
    """Repeating echoes; the direct sound stays in place."""

    name = "echo"

    def draw(self, rng: np.random.Generator) -> EchoParams:
        """Draw a delay of 30 to 600 ms, a feedback of 0 to 0.7 and a wet fraction of 0.1 to 0.5."""
        return EchoParams(between(rng, 30.0, 600.0), between(rng, 0.0, 0.7), between(rng, 0.1, 0.5))

    def apply(self, x: NDArray[np.float32], params: EchoParams) -> Applied:
        """Add echoes to a signal."""
        effect = pedalboard.Delay(
            params.delay_ms / 1000.0, params.feedback_fraction, params.wet_fraction
        )
        return stored_as_flac(_through(effect, x))


@dataclass(frozen=True)
class NoiseParams:
    """Parameters of additive noise."""

    snr_db: float
    """Power of the signal over that of the noise."""
    seed: int
    """Seed of the noise itself."""


class WhiteNoise:
    """White Gaussian noise."""

    name = "white_noise"
    power_falls_with_frequency = False

    def draw(self, rng: np.random.Generator) -> NoiseParams:
        """Draw a signal-to-noise ratio of 5 to 50 dB, and a seed."""
        return NoiseParams(between(rng, 5.0, 50.0), int(rng.integers(2**31)))

    def apply(self, x: NDArray[np.float32], params: NoiseParams) -> Applied:
        """Add noise to a signal."""
        noise = np.random.Generator(np.random.PCG64(params.seed)).standard_normal(len(x))
        if self.power_falls_with_frequency:
            spectrum = np.fft.rfft(noise)
            frequency_hz = np.fft.rfftfreq(len(x), 1.0 / SAMPLE_RATE_HZ)
            # Level below 20 Hz, where 1/f would put most of the power.
            noise = np.fft.irfft(spectrum / np.sqrt(np.maximum(frequency_hz, 20.0)), len(x))
        signal = np.asarray(x, np.float64)
        wanted_power = np.mean(signal**2) / 10.0 ** (params.snr_db / 10.0)
        return stored_as_flac(signal + noise * np.sqrt(wanted_power / np.mean(noise**2)))


class PinkNoise(WhiteNoise):
    """Pink noise: its power falls by 3 dB an octave above 20 Hz."""

    name = "pink_noise"
    power_falls_with_frequency = True


@dataclass(frozen=True)
class BitCrushParams:
    """Parameters of coarse quantisation."""

    bit_depth: float
    """Bits, the sign included, for a signal with its peak at full scale; may be a fraction."""


class BitCrush:
    """Quantisation to few bits, without dither."""

    name = "bit_crush"

    def draw(self, rng: np.random.Generator) -> BitCrushParams:
        """Draw a depth of 3 to 12 bits."""
        return BitCrushParams(between(rng, 3.0, 12.0))

    def apply(self, x: NDArray[np.float32], params: BitCrushParams) -> Applied:
        """Quantise a signal."""
        # pedalboard counts the bits of the magnitude alone.
        effect = pedalboard.Bitcrush(params.bit_depth - 1.0)
        return stored_as_flac(_through(effect, _peak_at_full_scale(x)))


@dataclass(frozen=True)
class ResampleParams:
    """Parameters of sample-rate reduction."""

    sample_rate_hz: float
    """Rate between the two conversions, in hertz."""
    quality: str
    """How: VHQ and LQ are soxr's steepest and gentlest filters. The others are pedalboard's
    interpolators, of which all but WindowedSinc32 alias audibly, as cheap devices do."""


class Resample:
    """Conversion to a lower sample rate and back.

    A held sample (ZeroOrderHold) is late by up to half of its length, as it is in a cheap device;
    by how much depends on the music, so that `draw` leaves it out.
    """

    name = "resample"
    qualities = (
        *("ZeroOrderHold", "Linear", "CatmullRom", "Lagrange", "WindowedSinc32"),
        *("VHQ", "LQ"),
    )
    weights = {"VHQ": 0.4, "LQ": 0.25, "WindowedSinc32": 0.1, "Linear": 0.15, "CatmullRom": 0.1}  # noqa: RUF012 - never changed
    usual_rates_hz = (8_000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100)

    def draw(self, rng: np.random.Generator) -> ResampleParams:
        """Draw a rate of 8 to 44.1 kHz and a way by `weights`.

        Half of the rates are usual ones, the others uniform on a logarithmic scale.
        """
        any_rate_hz = log_between(rng, 8_000.0, 44_100.0)
        usual_rate_hz = float(rng.choice(self.usual_rates_hz))
        rate_hz = usual_rate_hz if rng.random() < 0.5 else any_rate_hz
        return ResampleParams(rate_hz, one_of(rng, self.weights))

    def apply(self, x: NDArray[np.float32], params: ResampleParams) -> Applied:
        """Convert a signal down and up again."""
        rate_hz, quality = params.sample_rate_hz, params.quality
        if quality in ("VHQ", "LQ"):
            low = soxr.resample(np.asarray(x, np.float64), SAMPLE_RATE_HZ, rate_hz, quality=quality)
            y = soxr.resample(low, rate_hz, SAMPLE_RATE_HZ, quality=quality)
            return stored_as_flac(y[: len(x)])
        effect = pedalboard.Resample(rate_hz, getattr(pedalboard.Resample.Quality, quality))
        return stored_as_flac(_through(effect, x))


def _peak_at_full_scale(x: NDArray[np.float32]) -> NDArray[np.float32]:
    peak = np.max(np.abs(x), initial=0.0)
    return x / peak if peak > 0 else x


def _through(effect: Any, x: NDArray[np.float32]) -> NDArray[np.float32]:
    """Run a fresh effect over a whole signal; its state begins and ends here."""
    return effect.process(np.asarray(x, np.float32), SAMPLE_RATE_HZ)
