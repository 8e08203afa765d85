"""The table of a scan as CSV: one line a file, every column with its unit in its name."""

from __future__ import annotations

import itertools
from collections import Counter
from pathlib import Path
from typing import Any

from musqa_pipeline.core import csv_files
from musqa_pipeline.core.files import whole_file
from musqa_pipeline.scoring.scan.rows import ScanTable

COLUMNS = {
    "file": "path relative to the library; bytes that are no UTF-8 as escapes",
    "mos": "predicted MOS-LQO, 1 to 4.73; empty without a score",
    "mos_low": "lower end of the 90 % interval",
    "mos_high": "upper end of the 90 % interval",
    "word": "transparent, good, fair, poor, bad",
    "abstained": "why there is no score: silence, short, speech, unfamiliar",
    "reason": "the same as a sentence",
    "cause": "the likeliest cause of a low score",
    "flags": "what to know about the number",
    "duration_s": "length of the recording",
    "heard_s": "how much of it was scored",
    "sample_rate_hz": "of the file",
    "channels": "of the file",
    "codec": "ffmpeg's name of the codec",
    "is_lossy": "1 if the file's own codec is lossy",
    "bitrate_kbps": "size by length",
    "size_bytes": "of the file",
    "bandwidth_hz": "upper edge of what there is to hear",
    "loudness_lufs": "integrated loudness of what was heard (BS.1770)",
    "true_peak_dbtp": "of what was heard",
    "lossy_origin": "of a lossless file: likely or possible",
    "cliff_hz": "where the steepest fall of the spectrum begins",
    "cliff_db": "by how much it falls within 500 Hz",
    "events": "what the detectors found, with counts",
    "copies": "number of the group of copies; empty without a copy",
    "n_copies": "files in that group",
    "best_copy": "path of the best of them",
    "change": "since the last scan: new, moved, changed, better, worse",
    "mos_before": "score at the last scan, of files that changed",
    "moved_from": "path at the last scan, of files that moved",
    "problem": "why the file could not be read",
    "key": "what identifies the content",
}
"""Columns in order, with their meaning."""


def write_csv(path: Path, table: ScanTable) -> None:
    """Write the table whole. Raise LakeError if it cannot be written."""
    with whole_file(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
        rows = ([_cell(name, row) for name in COLUMNS] for row in table.rows())
        csv_files.write_csv(file, itertools.chain([COLUMNS], rows))


def _cell(name: str, row: dict[str, Any]) -> Any:
    value = row.get(name)
    if name == "events":
        kinds = Counter(event["kind"] for event in value or [])
        return "; ".join(f"{kind} {n}" for kind, n in sorted(kinds.items()))
    if name == "flags":
        return " ".join(value or [])
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, float) and name.endswith("_hz"):
        return round(value)
    return "" if value is None else value
