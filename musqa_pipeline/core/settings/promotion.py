"""Settings of the promotion of models."""

from __future__ import annotations

from dataclasses import dataclass

from musqa_pipeline.core.settings.ranges import require


@dataclass(frozen=True, kw_only=True)
class PromotionSettings:
    """When a new model replaces the champion; the preset section ``[promotion]``."""

    network: str = ""
    """The network, one of ``[models] names``, that is promoted; none is by default."""
    margin_points: float = 1.0
    """How much higher the error of a new model may be, in points of 100; the upper end of the
    interval of the difference has to lie below it."""
    confidence: float = 0.95
    """Coverage of the one-sided interval of the difference."""
    n_bootstrap: int = 2_000
    """Bootstrap draws, over recordings."""
    seed: int = 0
    """Seed of the bootstrap."""

    def __post_init__(self) -> None:
        require(self.margin_points > 0, "promotion", self, "margin_points", "above 0")
        require(0.5 < self.confidence < 1, "promotion", self, "confidence", "in (0.5, 1)")
        require(self.n_bootstrap >= 100, "promotion", self, "n_bootstrap", "at least 100")
