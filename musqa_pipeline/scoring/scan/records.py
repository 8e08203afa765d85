"""What the store keeps of a file's content and of a scan."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Result:
    """What was measured of some content."""

    key: str
    record: dict[str, Any]
    """Plain values; `measure.py` says which."""
    fingerprint: bytes
    thumbnail: bytes


@dataclass(frozen=True)
class Scan:
    """A scan, finished or not."""

    number: int
    setting: str
    model: str
    finished: str
    """When, in UTC; empty for one that is not finished."""
    summary: dict[str, Any]
