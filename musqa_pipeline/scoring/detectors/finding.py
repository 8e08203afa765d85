"""What a detector is: a function from a section of sound to findings, and words for them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from musqa_pipeline.scoring.detectors.section import Section
from musqa_pipeline.scoring.score import Event


@dataclass(frozen=True)
class Finding:
    """Something that a detector found in one section, before neighbours are joined."""

    start_s: float
    """Seconds from the beginning of the recording."""
    stop_s: float
    strength: float
    details: Mapping[str, Any] = field(default_factory=dict)
    """Plain JSON values, by name with its unit."""


def counted(worst_by: str) -> Callable[[Finding, Finding], Finding]:
    """Return a `Detector.merge` that adds strengths, and keeps the details with most `worst_by`."""

    def merge(first: Finding, second: Finding) -> Finding:
        details = max(first.details, second.details, key=lambda d: d[worst_by])
        return replace(first, strength=first.strength + second.strength, details=details)

    return merge


@dataclass(frozen=True)
class Detector:
    """One kind of fault: how to find it, to join what was found, and to say it."""

    kind: str
    """Key in the registry and `kind` of the events."""
    unit: str
    """Unit of the strength: hz, db, fraction or count."""
    find: Callable[[Section], list[Finding]]
    """Takes a section of any number of channels. Pure: the same one gives the same findings."""
    say: Callable[[Finding], str]
    """One plain sentence."""
    merge: Callable[[Finding, Finding], Finding] = lambda a, b: max(a, b, key=lambda f: f.strength)
    """What two neighbours say as one, at whatever times; the stronger one by default."""
    alike: Callable[[Finding, Finding], bool] = lambda first, second: True
    """Whether two neighbours are one event."""
    gap_s: float = 0.05
    """Findings that are no further apart become one event."""

    def join(self, first: Finding, second: Finding) -> Finding:
        """Join neighbours, the earlier one first, into one finding that spans both."""
        start_s, stop_s = min(first.start_s, second.start_s), max(first.stop_s, second.stop_s)
        return replace(self.merge(first, second), start_s=start_s, stop_s=stop_s)

    def event(self, finding: Finding) -> Event:
        """Turn a joined finding into an event, with times to the millisecond."""
        return Event(
            kind=self.kind,
            start_s=round(finding.start_s, 3),
            stop_s=round(finding.stop_s, 3),
            strength=round(float(finding.strength), 4),
            unit=self.unit,
            text=self.say(finding),
            details=dict(finding.details),
        )
