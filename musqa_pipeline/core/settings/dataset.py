"""Settings of stage 5."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from musqa_pipeline.core.settings.ranges import require


@dataclass(frozen=True, kw_only=True)
class DatasetSettings:
    """How the training set is drawn and split; the preset section ``[dataset]``."""

    seed: int = 0
    """Seed of the draw."""
    size: int = 13_000
    """Rows drawn uniformly over quality, all parts together (paper 001, III.B step 7)."""
    n_bins: int = 20
    """Equal bins over the observed range of quality."""
    max_process_fraction: float = 0.25
    """No process may fill more than this fraction of a bin while others have rows left."""
    max_reference_fraction: float = 0.1
    """No reference may fill more than this fraction of a bin while others have rows left."""
    protocol: Literal["three_way", "paper_two_way"] = "three_way"
    """`three_way`: train, validation, test by group. `paper_two_way`: 76 % of recordings train,
    24 % validate (190 and 60 of 250, paper 001, III.E)."""
    validation_fraction: float = 0.15
    """Fraction of the groups that are not test which stop the training and calibrate."""
    test_fraction: float = 0.15
    """Fraction of groups held out in catalogs whose `tracks.csv` names no role."""
    below_margin_mos: float = 0.5
    """Flagged tracks under `below` give rows only this far below their own estimated MOS."""
    natural_rows: int = 2_000
    """At most this many rows are kept besides as the pool has them, for the report."""
    natural_mix_of: Literal["test", "all"] = "test"
    """Whose rows those are: of the test recordings, or of all, as protocols with folds need."""

    def __post_init__(self) -> None:
        require(self.size >= 10, "dataset", self, "size", "at least 10")
        require(2 <= self.n_bins <= 200, "dataset", self, "n_bins", "in [2, 200]")
        for field in ("max_process_fraction", "max_reference_fraction"):
            require(0 < getattr(self, field) <= 1, "dataset", self, field, "in (0, 1]")
        for field in ("validation_fraction", "test_fraction"):
            require(0 < getattr(self, field) < 0.5, "dataset", self, field, "in (0, 0.5)")
        require(0 <= self.below_margin_mos <= 4, "dataset", self, "below_margin_mos", "in [0, 4]")
        require(self.natural_rows >= 0, "dataset", self, "natural_rows", "0 or more")
