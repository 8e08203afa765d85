"""Settings of the second opinion."""

from __future__ import annotations

from typing import Literal

from pydantic.dataclasses import dataclass

from musqa_pipeline.core.settings.section import Section


@dataclass(frozen=True, kw_only=True)
class OpinionsSettings(Section):
    """Whether the chosen rows are judged once more; the preset section ``[opinions]``."""

    metric: Literal["none", "zimtohrli"] = "none"
    """Second full-reference metric, a name of the registry of second opinions. It changes no other
    table: it may be switched on after a run, and the next run makes the opinions alone."""
