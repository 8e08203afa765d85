"""Carriers: plausible chains of faults, in the order in which they happen."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from musqa_pipeline.audio.degradations.applied import Applied, between, stored_as_flac
from musqa_pipeline.audio.degradations.carriers.band import Band
from musqa_pipeline.audio.degradations.carriers.crackle import Crackle
from musqa_pipeline.audio.degradations.carriers.dropout import Dropout
from musqa_pipeline.audio.degradations.carriers.fault import (
    GREATEST,
    Fault,
    Floats,
    Medium,
    draw_seed,
)
from musqa_pipeline.audio.degradations.carriers.hiss import Hiss
from musqa_pipeline.audio.degradations.carriers.hum import Hum
from musqa_pipeline.audio.degradations.carriers.overload import Overload
from musqa_pipeline.audio.degradations.carriers.replay_curve import ReplayCurve
from musqa_pipeline.audio.degradations.carriers.rumble import Rumble
from musqa_pipeline.audio.degradations.carriers.scratch import Scratch
from musqa_pipeline.audio.degradations.carriers.speed import Flutter, Speed, Wow
from musqa_pipeline.core.errors import SettingsError
from musqa_pipeline.core.names import short

FAULTS: dict[str, Fault] = {
    fault.name: fault
    for fault in (
        *(Band(), Overload(), Dropout(), Hiss(), Crackle(), Scratch()),
        *(Wow(), Flutter(), Speed(), ReplayCurve(), Rumble(), Hum()),
    )
}
"""Every fault, in the order in which they happen: cut, wear, replay."""
LASTING = ("band", "overload", "dropout")
"""What took something from the music that no restoration gives back."""
_DISC = ("band", "overload", "hiss", "crackle", "scratch", "wow", "speed", "rumble", "hum")
CARRIERS: dict[str, tuple[str, ...]] = {
    "cylinder": _DISC,
    "shellac": (*_DISC, "replay_curve"),
    "lp": (
        "overload",
        "hiss",
        "crackle",
        "scratch",
        "wow",
        "speed",
        "replay_curve",
        "rumble",
        "hum",
    ),
    "tape": ("band", "overload", "dropout", "hiss", "wow", "flutter", "speed", "hum"),
}
"""What each carrier may have."""
MOST_FAULTS = 5


@dataclass(frozen=True)
class Chain:
    """Faults of one transfer, each with its parameters, in the order in which they happen."""

    carrier: str
    """Key of `CARRIERS`."""
    faults: tuple[tuple[str, Any], ...]
    """Names, keys of `FAULTS`, with parameters."""

    def without(self, *names: str) -> Chain:
        """Return the chain as if some faults had never happened."""
        left = tuple((name, params) for name, params in self.faults if name not in names)
        return Chain(self.carrier, left)

    @property
    def removable(self) -> tuple[str, ...]:
        """Name the faults that a restoration could remove."""
        return tuple(name for name, _ in self.faults if name not in LASTING)

    def apply(self, x: Floats) -> Floats:
        """Damage mono samples, (n,) at 48 kHz; a level is relative to what its fault gets."""
        for name, params in self.faults:
            x = FAULTS[name].apply(x, params)
        return x

    def as_data(self) -> dict[str, Any]:
        """Return plain values, ready for JSON."""
        faults = [{"fault": name, **dataclasses.asdict(params)} for name, params in self.faults]
        return {"carrier": self.carrier, "faults": faults}

    @classmethod
    def of(cls, data: Any) -> Chain:
        """Read what `as_data` gave; whether values make sense says `written.check_params`.

        Raises SettingsError if it has another form, or a carrier, fault or parameter is unknown, or
        a fault comes twice.
        """
        if not (isinstance(data, Mapping) and set(data) == {"carrier", "faults"}):
            raise SettingsError("a chain is no object of carrier and faults")
        carrier, listed = data["carrier"], data["faults"]
        if not isinstance(carrier, str) or carrier not in CARRIERS:
            known = ", ".join(CARRIERS)
            raise SettingsError(f"unknown carrier {short(carrier)}; known are {known}")
        if not isinstance(listed, list):
            raise SettingsError("the faults of a chain are no list")
        faults: dict[str, Any] = {}
        for one in listed:
            name, params = _read_fault(one)
            if name in faults:
                raise SettingsError(f"fault {name} comes twice")
            faults[name] = params
        return cls(carrier, tuple(faults.items()))


def _read_fault(data: Any) -> tuple[str, Any]:
    values = dict(data) if isinstance(data, Mapping) else {}
    name = values.pop("fault", None)
    if not isinstance(name, str) or name not in FAULTS:
        raise SettingsError(f"unknown fault {short(name)}; known are {', '.join(FAULTS)}")
    known = [field.name for field in dataclasses.fields(FAULTS[name].params)]
    if set(values) != set(known):
        given = short(sorted(map(str, values)))
        raise SettingsError(f"fault {name}: parameters {given}, expected {known}")
    return name, FAULTS[name].params(**values)


def draw_chain(carrier: str, rng: np.random.Generator) -> Chain:
    """Draw one to five faults of a carrier, each with an intensity of its own.

    A chain has as many faults as a uniform draw says, and never one of them twice.
    """
    may_be, medium = CARRIERS[carrier], Medium.draw(carrier, rng)
    n_faults = int(rng.integers(1, MOST_FAULTS + 1))
    chosen = set(rng.choice(len(may_be), n_faults, replace=False).tolist())
    names = {may_be[place] for place in chosen}
    faults = []
    for name in FAULTS:
        if name in names:
            intensity = between(rng, 0.0, GREATEST)
            faults.append((name, FAULTS[name].with_intensity(intensity, rng, medium)))
    return Chain(carrier, tuple(faults))


@dataclass(frozen=True)
class Carrier:
    """A carrier as a degradation, whose parameters are a chain of its faults."""

    name: str
    """Key of `CARRIERS`."""

    def draw(self, rng: np.random.Generator) -> Chain:
        """Draw a chain."""
        return draw_chain(self.name, rng)

    def apply(self, x: NDArray[np.float32], params: Chain) -> Applied:
        """Damage samples; what the faults leave is stored as 24-bit FLAC."""
        return stored_as_flac(params.apply(x.astype(np.float64)))


def draw_ladder(fault: str, intensities: Sequence[float], rng: np.random.Generator) -> list[Chain]:
    """Draw chains of one fault alone that differ in its intensity, on a carrier that has it."""
    carrier = str(rng.choice([name for name, may_be in CARRIERS.items() if fault in may_be]))
    medium, seed = Medium.draw(carrier, rng), draw_seed(rng)
    return [
        Chain(carrier, ((fault, FAULTS[fault].with_intensity(value, _again(seed), medium)),))
        for value in intensities
    ]


def _again(seed: int) -> np.random.Generator:
    return np.random.Generator(np.random.PCG64(seed))
