"""Settings of stage 1."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field
from pydantic.dataclasses import dataclass

from musqa_pipeline.core.settings.section import Section


@dataclass(frozen=True, kw_only=True)
class TracksSettings(Section):
    """How source recordings are judged; the preset section ``[tracks]``."""

    min_duration_s: Annotated[float, Field(ge=10.0)] = 10.0
    """Shorter files go to quarantine: an excerpt is 10 s long (paper 001, III.A)."""
    silence_lufs: Annotated[float, Field(ge=-70, lt=0)] = -60.0
    """Files whose integrated loudness (BS.1770) is below this go to quarantine as silent."""
    min_upper_edge_hz: Annotated[float, Field(ge=0, le=22_050)] = 18_000.0
    """Files whose spectrum ends below this are flagged: they may be decoded lossy files."""
    max_out_of_phase: Annotated[float, Field(ge=-1, le=1)] = -0.5
    """Files whose channels correlate below this are flagged: a mono mix would cancel them."""
