"""Settings of stage 2."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field
from pydantic.dataclasses import dataclass

from musqa_pipeline.core.settings.section import Section


@dataclass(frozen=True, kw_only=True)
class ExcerptsSettings(Section):
    """How references are cut; the preset section ``[excerpts]``."""

    seed: int = 0
    """Seed of the cut plan."""
    n_per_track: Annotated[int, Field(ge=1, le=100)] = 1
    """Excerpts per track; they do not overlap. Short tracks give fewer (paper: 1)."""
    target_lufs: Annotated[float, Field(ge=-40, le=-10)] = -23.0
    """Integrated loudness of a reference and of what is made from it (paper 001, III.B step 5)."""
    max_below_track_lu: Annotated[float, Field(gt=0, le=60)] = 15.0
    """An excerpt quieter than its track by more than this is not cut (not in silence)."""
    flagged_tracks: Literal["exclude", "include", "below"] = "exclude"
    """What tracks that are no clean reference may do: give no excerpts; serve like any other;
    or give rows only well below their own quality (`dataset` applies that limit)."""
