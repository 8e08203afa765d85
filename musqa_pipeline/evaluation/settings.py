"""Settings of stage 8."""

from __future__ import annotations

from dataclasses import dataclass

from musqa_pipeline.validation import require


@dataclass(frozen=True, kw_only=True)
class EvaluationSettings:
    """How models are evaluated; the preset section ``[evaluation]``."""

    seed: int = 0
    """Seed of the bootstrap."""
    n_bootstrap: int = 2_000
    """Bootstrap draws, over recordings."""
    confidence: float = 0.95
    """Coverage of the intervals."""
    n_worst: int = 5
    """Worst examples of each model, shown with spectrogram and player while the page has room."""

    def __post_init__(self) -> None:
        require(self.n_bootstrap >= 100, "evaluation", self, "n_bootstrap", "at least 100")
        require(0.5 <= self.confidence < 1, "evaluation", self, "confidence", "in [0.5, 1)")
        require(0 <= self.n_worst <= 50, "evaluation", self, "n_worst", "in [0, 50]")
