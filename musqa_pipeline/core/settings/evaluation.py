"""Settings of what networks are for: evaluation, release, promotion."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field
from pydantic.dataclasses import dataclass

from musqa_pipeline.core.settings.section import Section, Several, silent


@dataclass(frozen=True, kw_only=True)
class EvaluationSettings(Section):
    """How models are evaluated; the preset section ``[evaluation]``."""

    seed: int = 0
    """Seed of the bootstrap."""
    n_bootstrap: Annotated[int, Field(ge=100)] = 2_000
    """Bootstrap draws, over recordings."""
    confidence: Annotated[float, Field(ge=0.5, lt=1)] = 0.95
    """Coverage of the intervals."""
    n_worst: Annotated[int, Field(ge=0, le=50)] = 5
    """Worst examples of each model, shown with spectrogram and player while the page has room."""
    listening_tests: Several[str] = silent(())
    """Folders of audio with mean opinions in ``opinions.csv`` to hold the networks against."""
    listening_lowest: float = silent(0.0)
    """Lowest opinion that listeners could give: 1 on a five-point scale."""
    listening_highest: float = silent(100.0)
    """Highest opinion that listeners could give."""

    def __post_init__(self) -> None:
        in_order = self.listening_lowest < self.listening_highest
        self.require(in_order, "listening_highest", "above listening_lowest")


_Name = Field(
    pattern="^[a-z0-9][a-z0-9._-]*$", description="small letters, digits, dots and hyphens"
)
_Version = Field(pattern="^[0-9][a-z0-9.-]*$", description="a digit, then digits, letters and dots")
_Some = Field(min_length=1, description="at least one")


@dataclass(frozen=True, kw_only=True)
class ReleaseSettings(Section):
    """What becomes of a network for users of the scorer; the preset section ``[release]``."""

    network: str = ""
    """The network to release, musqa_net or a variant that says a distribution; none by default."""
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
    gates: Literal["required", "shown"] = silent("required")
    """Whether a release that breaks a gate (`docs/model_release.md`) is refused, or tells it."""
    boosted_weight: Annotated[float, Field(ge=0, lt=1)] = silent(0.0)
    """Weight of boosted trees on the descriptive features in the answer; 0 asks networks alone."""
    n_seeds: Annotated[int, Field(ge=1, le=20)] = 1
    """Trainings whose distributions are averaged; the file grows with it."""


@dataclass(frozen=True, kw_only=True)
class PromotionSettings(Section):
    """When a new model replaces the champion; the preset section ``[promotion]``."""

    network: str = ""
    """The network, one of ``[models] names``, that is promoted; none is by default."""
    margin_points: Annotated[float, Field(gt=0)] = 1.0
    """How much higher the error of a new model may be, in points of 100; the upper end of the
    interval of the difference has to lie below it."""
    confidence: Annotated[float, Field(gt=0.5, lt=1)] = 0.95
    """Coverage of the one-sided interval of the difference."""
    n_bootstrap: Annotated[int, Field(ge=100)] = 2_000
    """Bootstrap draws, over recordings."""
    seed: int = 0
    """Seed of the bootstrap."""
