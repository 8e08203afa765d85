"""What a degradation is, how it draws its parameters, and what it leaves behind.

A degradation draws its parameters from a generator it is given, rounded, so that the stored number
is the number used, and applies them without chance or clock. What it leaves is a bitstream: of the
codec, or 24-bit FLAC of a filter's or effect's output. Loudness, cutting and identity are the
business of `apply`, not of a degradation.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import soundfile
from numpy.typing import NDArray

from musqa_pipeline.audio.files.flac import to_flac

LIBSNDFILE = f"libsndfile {soundfile.__libsndfile_version__} flac"


@dataclass(frozen=True)
class Applied:
    """The result of one degradation, as stored."""

    container: str
    """Demuxer of the bitstream: mp3, aac, ogg or flac."""
    bitstream: bytes
    delay_samples: int
    """Leading samples of the decoded stream that precede the signal."""
    gain_db: float
    """Gain that undoes the headroom of a stored filter output; 0 for a codec."""
    encoder: str
    """Program and version that made the bitstream."""


class Degradation(Protocol):
    """Something that lowers quality; the registry is `processes.DEGRADATIONS`.

    `Params` is a frozen dataclass of its own kind, whose field names carry units, so that it can
    be stored as data.
    """

    @property
    def name(self) -> str:
        """Key in the registry."""
        ...

    def draw(self, rng: np.random.Generator) -> Any:
        """Draw everything that `apply` needs; the only place where chance comes in."""
        ...

    def apply(self, x: NDArray[np.float32], params: Any) -> Applied:
        """Apply the degradation to mono samples at 48 kHz: same input and parameters, same bytes.

        The stored result decodes to at least as much as `x` less one frame.
        """
        ...


def stored_as_flac(y: NDArray[np.floating], *, delay_samples: int = 0) -> Applied:
    """Store the output of a filter or effect as 24-bit FLAC, with headroom where it needs some.

    It decodes to `y`, which lags the input by `delay_samples`, within 2**-24 but for the headroom:
    a power of two, so that it costs no accuracy.
    """
    peak = float(np.max(np.abs(y), initial=0.0))
    shift = max(0, math.frexp(peak)[1])  # peak < 2**shift; frexp gives 1 for a peak of 1.0
    integers = np.rint(np.asarray(y, np.float64) * 2.0 ** (23 - shift))
    integers = np.clip(integers, -(2**23), 2**23 - 1).astype(np.int32)
    return Applied(
        container="flac",
        bitstream=to_flac(integers << 8, "PCM_24"),
        delay_samples=delay_samples,
        gain_db=20.0 * shift * math.log10(2.0),
        encoder=LIBSNDFILE,
    )


def between(rng: np.random.Generator, low: float, high: float) -> float:
    """Draw uniformly between two limits; rounded to four decimals."""
    return round(float(rng.uniform(low, high)), 4)


def log_between(rng: np.random.Generator, low: float, high: float) -> float:
    """Draw uniformly on a logarithmic scale, between limits above 0; rounded to one decimal."""
    return round(low * (high / low) ** float(rng.random()), 1)


def one_of(rng: np.random.Generator, weights: Mapping[str, float]) -> str:
    """Draw one of several names by their weights, which add up to 1."""
    limits = np.cumsum(list(weights.values()))
    place = int(np.searchsorted(limits, rng.random(), side="right"))
    return list(weights)[min(place, len(limits) - 1)]
