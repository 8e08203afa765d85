"""Settings of stage 1."""

from __future__ import annotations

from dataclasses import dataclass

from musqa_pipeline.core.settings.ranges import require


@dataclass(frozen=True, kw_only=True)
class TracksSettings:
    """How source recordings are judged; the preset section ``[tracks]``."""

    min_duration_s: float = 10.0
    """Shorter files go to quarantine: an excerpt is 10 s long (paper 001, III.A)."""
    silence_lufs: float = -60.0
    """Files whose integrated loudness (BS.1770) is below this go to quarantine as silent."""
    min_upper_edge_hz: float = 18_000.0
    """Files whose spectrum ends below this are flagged: they may be decoded lossy files."""
    max_out_of_phase: float = -0.5
    """Files whose channels correlate below this are flagged: a mono mix would cancel them."""

    def __post_init__(self) -> None:
        require(self.min_duration_s >= 10.0, "tracks", self, "min_duration_s", "at least 10.0")
        require(-70.0 <= self.silence_lufs < 0, "tracks", self, "silence_lufs", "in [-70, 0)")
        require(
            0 <= self.min_upper_edge_hz <= 22_050,
            "tracks",
            self,
            "min_upper_edge_hz",
            "in [0, 22050]",
        )
        require(-1 <= self.max_out_of_phase <= 1, "tracks", self, "max_out_of_phase", "in [-1, 1]")
