"""Settings of stage 8."""

from __future__ import annotations

from dataclasses import dataclass, field

from musqa_pipeline.core.settings.ranges import SILENT_AT_DEFAULT, require


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
    listening_tests: tuple[str, ...] = field(default=(), metadata=SILENT_AT_DEFAULT)
    """Folders of audio with mean opinions in ``opinions.csv`` to hold the networks against."""
    listening_lowest: float = field(default=0.0, metadata=SILENT_AT_DEFAULT)
    """Lowest opinion that listeners could give: 1 on a five-point scale."""
    listening_highest: float = field(default=100.0, metadata=SILENT_AT_DEFAULT)
    """Highest opinion that listeners could give."""

    def __post_init__(self) -> None:
        require(self.n_bootstrap >= 100, "evaluation", self, "n_bootstrap", "at least 100")
        require(0.5 <= self.confidence < 1, "evaluation", self, "confidence", "in [0.5, 1)")
        require(0 <= self.n_worst <= 50, "evaluation", self, "n_worst", "in [0, 50]")
        require(
            self.listening_lowest < self.listening_highest,
            "evaluation", self, "listening_highest", "above listening_lowest",
        )  # fmt: skip
