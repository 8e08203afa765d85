"""What becomes of units, and the sums of it that a run of a stage reports."""

from __future__ import annotations

from dataclasses import dataclass, field

MOST_LISTED = 20
"""Failures that an error names; the others are counted."""


@dataclass(frozen=True)
class Outcome:
    """What became of a unit."""

    what: str
    """What a person calls the unit."""
    rows: int = 0
    cpu_seconds: float = 0.0
    quarantined: bool = False
    error: str = ""
    """Why there is none; empty if it is done."""


@dataclass
class Tally:
    """Sums over outcomes, and not the outcomes: there may be a million of them."""

    rows: int = 0
    cpu_seconds: float = 0.0
    failed: int = 0
    listed: list[str] = field(default_factory=list)
    """The first `MOST_LISTED` failures, a line each."""

    def add(self, outcome: Outcome) -> None:
        """Count one more."""
        self.rows += outcome.rows
        self.cpu_seconds += outcome.cpu_seconds
        if outcome.error:
            self.failed += 1
            if len(self.listed) < MOST_LISTED:
                self.listed.append(f"  {outcome.what}: {outcome.error}")
