"""Settings of the promotion of models."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field
from pydantic.dataclasses import dataclass

from musqa_pipeline.core.settings.section import Section


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
