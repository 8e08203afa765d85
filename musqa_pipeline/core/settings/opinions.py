"""Settings of the second opinion."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, kw_only=True)
class OpinionsSettings:
    """Whether the chosen rows are judged once more; the preset section ``[opinions]``."""

    metric: Literal["none", "zimtohrli"] = "none"
    """Second full-reference metric, a name of the registry of second opinions. It changes no other
    table: it may be switched on after a run, and the next run makes the opinions alone."""
