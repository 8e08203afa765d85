"""Settings of stage 6."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field
from pydantic.dataclasses import dataclass

from musqa_pipeline.core.settings.section import OneOrMore, Section


@dataclass(frozen=True, kw_only=True)
class SpectrogramsSettings(Section):
    """How mel images are made and stored; the preset section ``[spectrograms]``."""

    n_mels: Annotated[int, Field(ge=1, le=512)] = 256
    """Mel bands (paper 001, III.C)."""
    n_fft: Annotated[int, Field(ge=256, le=16_384)] = 2048
    """Window and FFT length in samples at 48 kHz."""
    hop_length_samples: Annotated[int, Field(ge=64, le=4_096)] = 256
    """Hop between frames; 1876 frames for 10 s."""
    top_db: Annotated[float, Field(ge=10, le=200)] = 80.0
    """Range below the loudest cell that is kept before the image is scaled to 0-1."""
    storage: Literal["uint8", "float16"] = "uint8"
    """Type of a stored cell; the rounding error is at most 1/510 or 1/4096."""
    rows_per_group: OneOrMore = 16
    """Rows of a Parquet row group, the unit of a shuffled read."""
    rows_per_shard: int = 256
    """Rows of a shard, the unit of work."""

    def __post_init__(self) -> None:
        holds_a_group = self.rows_per_shard >= self.rows_per_group
        self.require(holds_a_group, "rows_per_shard", "at least rows_per_group")
