"""Settings of stage 8."""

from __future__ import annotations

from typing import Annotated

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
