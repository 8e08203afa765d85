"""Exact duplicates: files of one catalog with the same samples. One stays, the others step back.

Units are made independently of each other, so this is settled once all are done, by
`mark_duplicates`; whoever reads `tracks` does so through `read_tracks`.
"""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from musqa_pipeline.stages.engine.context import Context
from musqa_pipeline.stages.engine.quarantine import QUARANTINE
from musqa_pipeline.stages.tracks.table import TRACKS

REASON = "duplicate"


def mark_duplicates(context: Context) -> list[str]:
    """Put all but the first of the files with the same samples into quarantine.

    The first in the order of paths stays, one with `role = test` before the others. A file that
    was in quarantine for a twin that is gone comes back. Running it twice changes nothing.
    """
    lake, partition = context.lake, context.partition("tracks")
    quarantine = partition.quarantine
    present = lake.scan(quarantine, QUARANTINE.schema)
    details = dict(zip(present["unit_id"].to_pylist(), present["detail"].to_pylist(), strict=True))
    was_duplicate = present.filter(pc.equal(present["reason"], REASON))["unit_id"].to_pylist()
    first: dict[str, str] = {}
    duplicates: dict[str, dict[str, str]] = {}
    tracks = lake.scan(partition, TRACKS.schema, columns=["unit_id", "file", "pcm_hash", "role"])
    # A copy named as test goes first: else its song could come into training under another name.
    for track in sorted(tracks.to_pylist(), key=lambda t: (t["role"] != "test", t["file"])):
        kept = first.setdefault(track["pcm_hash"], track["file"])
        if kept == track["file"]:
            continue
        duplicates[track["unit_id"]] = {
            "stage": "tracks",
            "unit_id": track["unit_id"],
            "file": track["file"],
            "reason": REASON,
            "detail": f"same samples as {kept}",
            "advice": f"nothing needs to be done: {kept} serves; or remove one of the two",
        }
    lake.retire(quarantine, (details.keys() - set(was_duplicate)) | duplicates.keys())
    for unit_id, row in duplicates.items():
        if details.get(unit_id) != row["detail"]:
            lake.write(quarantine, unit_id, QUARANTINE.from_rows([row]))
    return sorted(duplicates)


def read_tracks(context: Context, catalog: str | None = None) -> pa.Table:
    """Read the tracks of a catalog that are not in quarantine."""
    partition = context.partition("tracks", catalog)
    refused = context.lake.done(partition.quarantine)
    tracks = context.lake.scan(partition, TRACKS.schema)
    kept = tracks.filter(pc.invert(pc.is_in(tracks["unit_id"], pa.array(refused, pa.string()))))
    return kept.sort_by([("file", "ascending"), ("unit_id", "ascending")])
