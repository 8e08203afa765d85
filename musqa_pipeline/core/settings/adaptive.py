"""Settings of the `adaptive` mode."""

from __future__ import annotations

from dataclasses import dataclass

from musqa_pipeline.core.settings.ranges import require


@dataclass(frozen=True, kw_only=True)
class AdaptiveSettings:
    """Which cascades are made after the first ones; the preset section ``[adaptive]``."""

    rounds: int = 0
    """Most rounds after the first one, which makes what ``[degradations]`` says; 0 is off."""
    cascades_per_round: int = 20
    """Most cascades that a reference gets in one of these rounds."""
    rows_wanted: int = 13_000
    """Rows that the pool of each catalog should give evenly over quality; then no more rounds."""
    evenness: float = 0.999
    """Entropy ratio that the best draw of `rows_wanted` rows should reach, 0-1. `dataset` wants
    0.98 of each part, and a part is never as even as the whole. A goal of 0.98 for the whole
    leaves poor bins half empty; 0.999 costs some percent more labels."""
    n_bins: int = 20
    """Equal bins over the quality observed in earlier rounds."""
    seed: int = 0
    """Seed of the order of references and of the choice among equally useful cascades."""

    def __post_init__(self) -> None:
        require(0 <= self.rounds <= 99, "adaptive", self, "rounds", "in [0, 99]")
        require(
            1 <= self.cascades_per_round <= 45 * 45,
            "adaptive",
            self,
            "cascades_per_round",
            "in [1, 2025]",
        )
        require(self.rows_wanted >= 10, "adaptive", self, "rows_wanted", "at least 10")
        require(0 < self.evenness < 1, "adaptive", self, "evenness", "above 0 and below 1")
        require(2 <= self.n_bins <= 200, "adaptive", self, "n_bins", "in [2, 200]")
