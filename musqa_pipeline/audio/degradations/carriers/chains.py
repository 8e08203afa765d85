"""Carriers: plausible chains of faults, in the order in which they happen."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from musqa_pipeline.audio.degradations.applied import between
from musqa_pipeline.audio.degradations.carriers.band import Band
from musqa_pipeline.audio.degradations.carriers.crackle import Crackle
from musqa_pipeline.audio.degradations.carriers.dropout import Dropout
from musqa_pipeline.audio.degradations.carriers.fault import GREATEST, Fault, Floats, Medium
from musqa_pipeline.audio.degradations.carriers.hiss import Hiss
from musqa_pipeline.audio.degradations.carriers.hum import Hum
from musqa_pipeline.audio.degradations.carriers.overload import Overload
from musqa_pipeline.audio.degradations.carriers.replay_curve import ReplayCurve
from musqa_pipeline.audio.degradations.carriers.rumble import Rumble
from musqa_pipeline.audio.degradations.carriers.scratch import Scratch
from musqa_pipeline.audio.degradations.carriers.speed import Flutter, Speed, Wow
from musqa_pipeline.core.errors import SettingsError

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
    def of(cls, data: Mapping[str, Any]) -> Chain:
        """Read what `as_data` gave.

        Raises SettingsError if a carrier, fault or parameter is unknown.
        """
        if data["carrier"] not in CARRIERS:
            raise SettingsError(
                f"unknown carrier {data['carrier']!r}; known are {', '.join(CARRIERS)}"
            )
        faults = []
        for one in data["faults"]:
            values = dict(one)
            name = values.pop("fault")
            if name not in FAULTS:
                raise SettingsError(f"unknown fault {name!r}; known are {', '.join(FAULTS)}")
            try:
                faults.append((name, FAULTS[name].params(**values)))
            except TypeError as error:
                known = [field.name for field in dataclasses.fields(FAULTS[name].params)]
                raise SettingsError(
                    f"fault {name}: parameters {sorted(values)}, expected {known}"
                ) from error
        return cls(data["carrier"], tuple(faults))


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
