"""What changed in a library since its last scan."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

from musqa_pipeline.scoring.scan.store import Scan, ScanStore

NEW, MOVED, CHANGED, BETTER, WORSE, SAME = "new", "moved", "changed", "better", "worse", ""
LEAST_CHANGE_MOS = 0.05
"""A change of score that is told."""


@dataclass(frozen=True)
class Change:
    """What became of a file."""

    kind: str
    """new, moved, changed (other content, about the same score), better, worse, or empty."""
    mos_before: float | None = None
    path_before: bytes | None = None
    """Of a moved file."""


@dataclass(frozen=True)
class Changes:
    """All changes since a scan."""

    previous: Scan | None
    """None at the first scan: then nothing has changed."""
    gone: tuple[tuple[bytes, float | None], ...]
    """Paths that are no more and did not move, with their scores."""
    of_path: dict[bytes, Change]
    """Files that changed alone."""

    def summary(self) -> dict[str, Any]:
        """Return the numbers, and when the scan before was."""
        if self.previous is None:
            return {"since": None}
        kinds = Counter(change.kind for change in self.of_path.values())
        names = (NEW, MOVED, CHANGED, BETTER, WORSE)
        return {
            "since": self.previous.finished,
            "other_model": self.previous.model,
            **{name: kinds[name] for name in names},
            "gone": len(self.gone),
        }


def changes_since(store: ScanStore, current: Scan, previous: Scan | None) -> Changes:
    """Compare a scan with the one before; nothing has changed without it.

    A file is moved if its content was there under a name that is no more. Scores of two models or
    settings are compared too; the page says so.
    """
    if previous is None:
        return Changes(None, (), {})
    scores = "SELECT mos FROM results WHERE results.key = {0}.key AND results.setting = ?{1}"
    gone: dict[bytes, tuple[str | None, float | None]] = {
        path: (key, mos)
        for path, key, mos in store.rows(
            f"SELECT path, key, ({scores.format('old', 3)}) FROM files AS old WHERE scan = ?1 AND "
            "NOT EXISTS (SELECT 1 FROM files WHERE scan = ?2 AND path = old.path) ORDER BY path",
            previous.number,
            current.number,
            previous.setting,
        )
    }
    gone_by_key = {key: path for path, (key, _) in sorted(gone.items()) if key}
    of_path: dict[bytes, Change] = {}
    rows = store.rows(
        f"SELECT new.path, new.key, old.path IS NOT NULL, old.key, ({scores.format('new', 3)}), "
        f"({scores.format('old', 4)}) FROM files AS new LEFT JOIN files AS old ON "
        "old.scan = ?2 AND old.path = new.path WHERE new.scan = ?1 AND "
        "(old.path IS NULL OR old.key IS NOT new.key OR ?3 != ?4) ORDER BY new.path",
        current.number,
        previous.number,
        current.setting,
        previous.setting,
    )
    for path, key, was_there, old_key, mos, old_mos in rows:
        if not was_there:
            before = gone_by_key.pop(key, None)
            if before is None:
                of_path[path] = Change(NEW)
            else:
                of_path[path] = Change(MOVED, gone.pop(before)[1], before)
            continue
        kind = CHANGED if key != old_key else SAME
        if mos is not None and old_mos is not None and abs(mos - old_mos) >= LEAST_CHANGE_MOS:
            kind = BETTER if mos > old_mos else WORSE
        if kind:
            of_path[path] = Change(kind, old_mos)
    left = tuple((path, mos) for path, (_, mos) in sorted(gone.items()))
    return Changes(previous, left, of_path)
