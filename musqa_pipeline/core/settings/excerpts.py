"""Settings of stage 2."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from musqa_pipeline.core.settings.ranges import require


@dataclass(frozen=True, kw_only=True)
class ExcerptsSettings:
    """How references are cut; the preset section ``[excerpts]``."""

    seed: int = 0
    """Seed of the cut plan."""
    n_per_track: int = 1
    """Excerpts per track; they do not overlap. Short tracks give fewer (paper: 1)."""
    target_lufs: float = -23.0
    """Integrated loudness of a reference and of what is made from it (paper 001, III.B step 5)."""
    max_below_track_lu: float = 15.0
    """An excerpt quieter than its track by more than this is not cut (not in silence)."""
    flagged_tracks: Literal["exclude", "include", "below"] = "exclude"
    """What tracks that are no clean reference may do: give no excerpts; serve like any other;
    or give rows only well below their own quality (`dataset` applies that limit)."""

    def __post_init__(self) -> None:
        require(1 <= self.n_per_track <= 100, "excerpts", self, "n_per_track", "in [1, 100]")
        require(-40 <= self.target_lufs <= -10, "excerpts", self, "target_lufs", "in [-40, -10]")
        require(
            0 < self.max_below_track_lu <= 60, "excerpts", self, "max_below_track_lu", "in (0, 60]"
        )
