"""The time of day, for records of what happened when; no result may depend on it.

This is the one module that asks for it. Records about runs (`promotions`, `drift`, `stage_runs`)
carry it, and nothing that is made of music does.
"""

from __future__ import annotations

from datetime import UTC, datetime


def utc_now() -> datetime:
    """Return the time now, to the second."""
    return datetime.now(UTC).replace(tzinfo=None, microsecond=0)
