"""Settings of the unsupervised route."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import Annotated, Literal

from pydantic import Field
from pydantic.dataclasses import dataclass

from musqa_pipeline.core.settings.section import Section, Several, placement


@dataclass(frozen=True, kw_only=True)
class GanSettings(Section):
    """What is scored without labels, and by whom (paper 000); the preset section ``[gan]``."""

    networks: Several[str] = placement(())
    """Networks whose scores are wanted; while none is named, no segment is listed."""
    genres: Mapping[str, str] = field(default_factory=dict)
    """Class of each word for a genre that catalogs use, or of its part before a slash; empty: each
    is a class by itself."""
    level: Literal["lufs:-14", "as_is"] = "lufs:-14"
    """How loud tracks are before they are degraded: at -14 LUFS with no peak of a segment above 1,
    or as they are, which is right for masters."""
    n_per_track: Annotated[int, Field(ge=1, le=100)] = 3
    """Segments of a test track; they do not overlap."""
    seed: int = 0
    """Seed of where segments are and how they are degraded."""
    visqol: bool = True
    """Whether each segment is compared with its original by ViSQOL too."""
