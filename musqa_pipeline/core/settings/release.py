"""Settings of a release."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from musqa_pipeline.core.settings.ranges import require


@dataclass(frozen=True, kw_only=True)
class ReleaseSettings:
    """What becomes of a network for users of the scorer; the preset section ``[release]``."""

    network: Literal["", "musqa_net"] = ""
    """The network to release; none is released by default. It has to say a distribution."""
    name: str = "musqa-net"
    """What scores call the model."""
    version: str = "1.0"
    """Version of the model file; raise it when a model that users have is replaced."""
    licences: tuple[str, ...] = ("CC0", "public domain", "CC-BY", "MIT", "Apache")
    """Terms under which a recording may train, calibrate or fill the model; a version may follow.
    Terms with share-alike, without derivatives or not for commerce are other terms."""
    further: tuple[str, ...] = ()
    """Names of presets that were run before: their rows of the same recordings train too."""
    n_folds: int = 5
    """Groups of recordings that are predicted by networks that never met them, for calibration."""
    n_seeds: int = 1
    """Trainings whose distributions are averaged; the file grows with it."""

    def __post_init__(self) -> None:
        named = re.fullmatch(r"[a-z0-9][a-z0-9._-]*", self.name) is not None
        require(named, "release", self, "name", "small letters, digits, dots and hyphens")
        numbered = re.fullmatch(r"[0-9][a-z0-9.-]*", self.version) is not None
        require(numbered, "release", self, "version", "a digit, then digits, letters and dots")
        require(len(self.licences) > 0, "release", self, "licences", "at least one")
        require(2 <= self.n_folds <= 50, "release", self, "n_folds", "in [2, 50]")
        require(1 <= self.n_seeds <= 20, "release", self, "n_seeds", "in [1, 20]")
