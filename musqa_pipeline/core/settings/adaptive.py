"""Settings of the `adaptive` mode."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field
from pydantic.dataclasses import dataclass

from musqa_pipeline.core.settings.section import Section


@dataclass(frozen=True, kw_only=True)
class AdaptiveSettings(Section):
    """Which cascades are made after the first ones; the preset section ``[adaptive]``."""

    rounds: Annotated[int, Field(ge=0, le=99)] = 0
    """Most rounds after the first one, which makes what ``[degradations]`` says; 0 is off."""
    cascades_per_round: Annotated[int, Field(ge=1, le=45 * 45)] = 20
    """Most cascades that a reference gets in one of these rounds."""
    rows_wanted: Annotated[int, Field(ge=10)] = 13_000
    """Rows that the pool of each catalog should give evenly over quality; then no more rounds."""
    evenness: Annotated[float, Field(gt=0, lt=1, description="above 0 and below 1")] = 0.999
    """Entropy ratio that the best draw of `rows_wanted` rows should reach, 0-1. `dataset` wants
    0.98 of each part, and a part is never as even as the whole. A goal of 0.98 for the whole
    leaves poor bins half empty; 0.999 costs some percent more labels."""
    n_bins: Annotated[int, Field(ge=2, le=200)] = 20
    """Equal bins over the quality observed in earlier rounds."""
    seed: int = 0
    """Seed of the order of references and of the choice among equally useful cascades."""
