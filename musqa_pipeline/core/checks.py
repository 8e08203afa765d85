"""The result of a check: one claim, with the numbers behind it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class CheckResult:
    """Whether a claim about stored results holds, and what was measured."""

    passed: bool
    claim: str
    """The claim in one sentence, for example "loudness is within 0.1 LU of the target"."""
    numbers: Mapping[str, float | int | str] = field(default_factory=dict)
    """What was measured, by name with unit."""
