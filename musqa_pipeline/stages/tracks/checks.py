"""What must hold of the stored tracks of a catalog."""

from __future__ import annotations

import math
from collections import Counter

from musqa_pipeline.core.checks import CheckResult
from musqa_pipeline.stages.engine.context import Context
from musqa_pipeline.stages.engine.quarantine import QUARANTINE
from musqa_pipeline.stages.tracks.duplicates import read_tracks
from musqa_pipeline.stages.tracks.verdict import USABLE


def check_tracks(context: Context) -> CheckResult:
    """Check that every file is either a whole track or in quarantine with a reason."""
    lake, partition = context.lake, context.partition("tracks")
    quarantine = lake.scan(partition.quarantine, QUARANTINE.schema)
    tracks = read_tracks(context).to_pylist()
    refused = set(quarantine["unit_id"].to_pylist())
    lost = set(lake.done(partition)) - refused - {track["unit_id"] for track in tracks}
    measured = ("duration_s", "loudness_lufs", "true_peak_dbtp", "upper_edge_hz")
    not_finite = [t for t in tracks if not all(math.isfinite(t[name]) for name in measured)]
    n_twice = len(tracks) - len({track["track_id"] for track in tracks})
    n_usable = sum(track["verdict"] == USABLE for track in tracks)
    reasons = Counter(quarantine["reason"].to_pylist())
    flags = Counter(flag for track in tracks for flag in track["flags"])
    return CheckResult(
        passed=not lost and not not_finite and n_twice == 0 and len(tracks) > 0,
        claim="every file is a track that decodes and is measured, or in quarantine with a reason",
        numbers={
            "tracks": len(tracks),
            "usable": n_usable,
            "flagged": len(tracks) - n_usable,
            **{f"flagged_{flag}": count for flag, count in sorted(flags.items())},
            "quarantined": len(refused),
            **{f"quarantined_{reason}": count for reason, count in sorted(reasons.items())},
            "lost": len(lost),
            "twice": n_twice,
            "not_finite": len(not_finite),
        },
    )
