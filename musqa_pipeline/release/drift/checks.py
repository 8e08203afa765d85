"""What may be said of the newest record of distributions."""

from __future__ import annotations

from musqa_pipeline.core.checks import CheckResult
from musqa_pipeline.release.drift.record import read_drift
from musqa_pipeline.stages.engine.context import Context

_NAMED = 5


def check_drift(context: Context) -> CheckResult:
    """Check that no distribution of a known catalog moved by more than chance since last time."""
    rows = read_drift(context)
    newest = [row for row in rows if row["number"] == rows[-1]["number"]]
    moved = [r for r in newest if r["moved_from_last"]]
    named = ", ".join(f"{r['variable']} of {r['seen_catalog']}" for r in moved[:_NAMED])
    more = f" and {len(moved) - _NAMED} more" if len(moved) > _NAMED else ""
    claim = (
        f"{named}{more} moved since the record before"
        if moved
        else (
            "no distribution of a known catalog moved by more than chance since the record before"
        )
    )
    return CheckResult(
        passed=not moved,
        claim=claim,
        numbers={
            "records": rows[-1]["number"] if rows else 0,
            "variables": len(newest),
            "moved_from_last": len(moved),
            "moved_from_first": sum(r["moved_from_first"] for r in newest),
        },
    )
