"""Settings of stage 6."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from musqa_pipeline.core.settings.ranges import require


@dataclass(frozen=True, kw_only=True)
class SpectrogramsSettings:
    """How mel images are made and stored; the preset section ``[spectrograms]``."""

    n_mels: int = 256
    """Mel bands (paper 001, III.C)."""
    n_fft: int = 2048
    """Window and FFT length in samples at 48 kHz."""
    hop_length_samples: int = 256
    """Hop between frames; 1876 frames for 10 s."""
    top_db: float = 80.0
    """Range below the loudest cell that is kept before the image is scaled to 0-1."""
    storage: Literal["uint8", "float16"] = "uint8"
    """Type of a stored cell; the rounding error is at most 1/510 or 1/4096."""
    rows_per_group: int = 16
    """Rows of a Parquet row group, the unit of a shuffled read."""
    rows_per_shard: int = 256
    """Rows of a shard, the unit of work."""

    def __post_init__(self) -> None:
        require(1 <= self.n_mels <= 512, "spectrograms", self, "n_mels", "in [1, 512]")
        require(256 <= self.n_fft <= 16384, "spectrograms", self, "n_fft", "in [256, 16384]")
        require(
            64 <= self.hop_length_samples <= 4096,
            "spectrograms",
            self,
            "hop_length_samples",
            "in [64, 4096]",
        )
        require(10 <= self.top_db <= 200, "spectrograms", self, "top_db", "in [10, 200]")
        require(self.rows_per_group >= 1, "spectrograms", self, "rows_per_group", "at least 1")
        require(
            self.rows_per_shard >= self.rows_per_group,
            "spectrograms",
            self,
            "rows_per_shard",
            "at least rows_per_group",
        )
