"""Settings of a release."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field
from pydantic.dataclasses import dataclass

from musqa_pipeline.core.settings.section import Section, Several

_Name = Field(
    pattern="^[a-z0-9][a-z0-9._-]*$", description="small letters, digits, dots and hyphens"
)
_Version = Field(pattern="^[0-9][a-z0-9.-]*$", description="a digit, then digits, letters and dots")
_Some = Field(min_length=1, description="at least one")


@dataclass(frozen=True, kw_only=True)
class ReleaseSettings(Section):
    """What becomes of a network for users of the scorer; the preset section ``[release]``."""

    network: Literal["", "musqa_net"] = ""
    """The network to release; none is released by default. It has to say a distribution."""
    name: Annotated[str, _Name] = "musqa-net"
    """What scores call the model."""
    version: Annotated[str, _Version] = "1.0"
    """Version of the model file; raise it when a model that users have is replaced."""
    licences: Annotated[Several[str], _Some] = ("CC0", "public domain", "CC-BY", "MIT", "Apache")
    """Terms under which a recording may train, calibrate or fill the model; a version may follow.
    Terms with share-alike, without derivatives or not for commerce are other terms."""
    further: Several[str] = ()
    """Names of presets that were run before: their rows of the same recordings train too."""
    n_folds: Annotated[int, Field(ge=2, le=50)] = 5
    """Groups of recordings that are predicted by networks that never met them, for calibration."""
    n_seeds: Annotated[int, Field(ge=1, le=20)] = 1
    """Trainings whose distributions are averaged; the file grows with it."""
