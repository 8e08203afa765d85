"""The table of a scan: a row a file, worst first, read from the store row by row."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

from musqa_pipeline.core.foreign_text import printable
from musqa_pipeline.scoring.scan.changes import SAME, Change, Changes
from musqa_pipeline.scoring.scan.copies import best_copy
from musqa_pipeline.scoring.scan.store import Scan, ScanStore
from musqa_pipeline.scoring.words import WORDS

MOST_COMPARED = 1_000
"""Copies in a group among which the best is looked for."""


class ScanTable:
    """The rows of a scan, with its copies by content and its changes since the scan before."""

    def __init__(
        self, store: ScanStore, scan: Scan, groups: dict[str, int], changes: Changes
    ) -> None:
        self._store, self.scan, self.changes = store, scan, changes
        self._of_key = dict(groups)
        self._add_equal_files()
        self._best: dict[int, tuple[bytes | None, str, int]] = {}
        """Path of the best, if one is, why, and how many there are, by number of the group."""
        keys_of: dict[int, list[str]] = {}
        for key, group in self._of_key.items():
            keys_of.setdefault(group, []).append(key)
        for group, keys in keys_of.items():
            self._best[group] = self._choose(keys)

    def rows(self) -> Iterator[dict[str, Any]]:
        """Give a row for each file, worst first, then those without a score, then the unreadable.

        `page.CSV_COLUMNS` says what is in it; besides there are `windows`, `events`, `thumbnail`
        and `address`, a path as in a URL where `file` does not say it.
        """
        listed = self._store.rows(
            "SELECT files.path, files.size, files.key, files.problem FROM files LEFT JOIN results "
            "ON results.key = files.key AND results.setting = ? WHERE scan = ? ORDER BY "
            "problem IS NOT NULL, mos IS NULL, mos, path",
            self.scan.setting,
            self.scan.number,
        )
        for path, size, key, problem in listed:
            yield self._row(path, size, key, problem)

    def summary(self) -> dict[str, Any]:
        """Return the figures of the whole as plain values.

        They are numbers of files by what became of them, by word and by likeliness of a lossy
        origin; hours of music, mean score, copies, and the numbers of changes.
        """
        counts: Counter[str] = Counter()
        words: Counter[str] = Counter()
        seconds = heard = total = 0.0
        for row in self.rows():
            if row["problem"]:
                counts["unreadable"] += 1
                continue
            seconds += row["duration_s"]
            heard += row["heard_s"]
            counts[row["lossy_origin"]] += 1
            if row["mos"] is None:
                counts["abstained"] += 1
                continue
            counts["scored"] += 1
            words[row["word"]] += 1
            total += row["mos"]
        n = counts["scored"]
        return {
            "model": self.scan.model,
            "files": n + counts["abstained"] + counts["unreadable"],
            "scored": n,
            "abstained": counts["abstained"],
            "unreadable": counts["unreadable"],
            "mean_mos": round(total / n, 3) if n else None,
            "words": {word.name: words[word.name] for word in WORDS},
            "hours": round(seconds / 3600, 2),
            "heard_hours": round(heard / 3600, 2),
            "lossy_origin": {name: counts[name] for name in ("likely", "possible")},
            "copied_recordings": len(self._best),
            "changes": self.changes.summary(),
        }

    def _row(self, path: bytes, size: int, key: str | None, problem: str | None) -> dict[str, Any]:
        row: dict[str, Any] = {
            "file": printable(path),
            "size_bytes": size,
            "problem": problem or "",
        }
        record, thumbnail = self._record(key)
        row |= record
        row["thumbnail"] = thumbnail
        row["key"] = key or ""
        # The page makes an address of `file` itself, unless that is not what the file is called.
        row["address"] = "" if os.fsencode(row["file"]) == path else quote(path)
        origin = record.get("origin") or {}
        row["origin_codec"] = origin.get("codec", "")
        row["origin_evidence"] = "; ".join(origin.get("evidence", ()))
        if row.get("duration_s"):
            row["bitrate_kbps"] = round(size * 8e-3 / row["duration_s"], 1)
        group = self._of_key.get(key or "", 0)
        row["copies"] = group or None
        if group:
            best, why, n = self._best[group]
            row["n_copies"] = n
            row["best_copy"] = "" if best is None else printable(best)
            row["best_because"] = why if best in (path, None) else ""
            row["is_best_copy"] = best == path
        change = self.changes.of_path.get(path, Change(SAME))
        row["change"] = change.kind
        row["mos_before"] = change.mos_before
        row["moved_from"] = printable(change.path_before) if change.path_before else ""
        return row

    def _record(self, key: str | None) -> tuple[dict[str, Any], bytes]:
        found = self._store.rows(
            "SELECT record, thumbnail FROM results WHERE key = ? AND setting = ?",
            key,
            self.scan.setting,
        ).fetchone()
        return (json.loads(found[0]), found[1]) if found else ({}, b"")

    def _add_equal_files(self) -> None:
        """Files with the same content are copies too, whether or not they have a fingerprint."""
        number = max(self._of_key.values(), default=0)
        equal = self._store.rows(
            "SELECT key FROM files WHERE scan = ? AND key IS NOT NULL GROUP BY key "
            "HAVING count(*) > 1 ORDER BY min(path)",
            self.scan.number,
        )
        for (key,) in equal:
            if key not in self._of_key:
                number += 1
                self._of_key[key] = number

    def _choose(self, keys: list[str]) -> tuple[bytes | None, str, int]:
        copies: list[dict[str, Any]] = []
        paths: list[bytes] = []
        n = 0
        for key in keys:
            files = self._store.rows(
                "SELECT path, size FROM files WHERE scan = ? AND key = ? ORDER BY path",
                self.scan.number,
                key,
            ).fetchall()
            n += len(files)
            if files and len(copies) < MOST_COMPARED:  # equal contents are equally good
                path, size = files[0]
                paths.append(path)
                copies.append({**self._record(key)[0], "file": path, "size_bytes": size})
        place, why = best_copy(copies)
        return None if place is None else paths[place], why, n
