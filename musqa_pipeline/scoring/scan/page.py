"""What a scan writes: a page that fetches nothing, with its data inside, and a table as CSV."""

from __future__ import annotations

import base64
import itertools
import json
import os
from collections import Counter
from collections.abc import Iterator
from importlib import resources
from pathlib import Path
from typing import Any
from urllib.parse import quote

from musqa_pipeline.core import csv_files
from musqa_pipeline.core.files import whole_file
from musqa_pipeline.core.foreign_text import printable
from musqa_pipeline.scoring.scan.rows import ScanTable
from musqa_pipeline.scoring.scan.thumbnails import COLUMNS, HIGHEST_HZ, LEVELS, RANGE_DB, ROWS
from musqa_pipeline.scoring.words import WORDS

CSV_COLUMNS = {
    "file": "path relative to the library; bytes that are no UTF-8 as escapes",
    "mos": "predicted MOS-LQO, 1 to 4.73; empty without a score",
    "mos_low": "lower end of the 90 % interval",
    "mos_high": "upper end of the 90 % interval",
    "word": "of the number alone: transparent, good, fair, poor, bad",
    "words": "what the interval allows, such as good or better",
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
    "loudness_range_lu": "of the excerpts that were heard (EBU Tech 3342)",
    "crest_factor_db": "peak over RMS of these excerpts",
    "lossy_origin": "of a lossless file: likely or possible",
    "origin_codec": "from what; of a lossy file its own codec",
    "origin_evidence": "what was found of a codec, in sentences",
    "cliff_hz": "where the steepest fall of the spectrum begins",
    "cliff_db": "by how much it falls within 500 Hz",
    "events": "what the detectors found, with counts",
    "copies": "number of the group of copies; empty without a copy",
    "n_copies": "files in that group",
    "best_copy": "path of the best of them; empty where all lossless ones are likely fakes",
    "change": "since the last scan: new, moved, changed, better, worse",
    "mos_before": "score at the last scan, of files that changed",
    "moved_from": "path at the last scan, of files that moved",
    "problem": "why the file could not be read",
    "key": "what identifies the content",
    "best_because": "of the best copy what decided; of copies without a best one why",
}
"""Columns of the CSV in order, with their meaning."""
MOST_ROWS = 20_000
"""The worst of them; the CSV has all."""
MOST_GONE = 1_000
FIELDS = (
    "file", "mos", "mos_low", "mos_high", "word", "words", "abstained", "reason", "cause", "flags",
    "duration_s", "sample_rate_hz", "channels", "codec", "is_lossy", "bitrate_kbps", "bandwidth_hz",
    "loudness_lufs", "true_peak_dbtp",
    "loudness_range_lu", "crest_factor_db", "address", "lossy_origin", "origin_codec",
    "origin_evidence", "cliff_hz", "windows", "events", "copies",
    "best_copy", "is_best_copy", "best_because", "change", "mos_before", "moved_from", "problem",
    "thumbnail",
)  # fmt: skip
DECIMALS = {"mos": 2, "mos_low": 2, "mos_high": 2, "mos_before": 2, "duration_s": 1,
            "bitrate_kbps": 0, "bandwidth_hz": 0, "loudness_lufs": 1, "true_peak_dbtp": 1,
            "loudness_range_lu": 1, "crest_factor_db": 1,
            "cliff_hz": 0}  # fmt: skip


def write_csv(path: Path, table: ScanTable) -> None:
    """Write the table whole. Raise LakeError if it cannot be written."""
    with whole_file(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
        rows = ([_cell(name, row) for name in CSV_COLUMNS] for row in table.rows())
        csv_files.write_csv(file, itertools.chain([CSV_COLUMNS], rows))


def write_page(
    path: Path, table: ScanTable, summary: dict[str, Any], title: str, library: Path
) -> None:
    """Write the page of a library with this title; the file appears when it is whole.

    Its links to files and its player go by the way from the page to the library.
    The first `MOST_ROWS` of the table are shown, and its `summary`. Raise LakeError if it cannot be
    written.
    """
    head = {
        "title": title,
        "library": quote(os.fsencode(os.path.relpath(library, path.resolve().parent))),
        "summary": summary,
        "words": [[w.name, w.from_mos, w.meaning] for w in WORDS],
        "fields": FIELDS,
        "mostRows": MOST_ROWS,
        "gone": [[printable(p), _short(mos, 2)] for p, mos in table.changes.gone[:MOST_GONE]],
        "picture": {
            "columns": COLUMNS, "rows": ROWS, "levels": LEVELS,
            "highestHz": HIGHEST_HZ, "rangeDb": RANGE_DB,
        },
    }  # fmt: skip
    template = _asset("page.html")
    template = template.replace("/*CSS*/", _asset("page.css")).replace("/*JS*/", _asset("page.js"))
    before, between, after = template.replace("{{HEAD}}", "{{ROWS}}").split("{{ROWS}}")
    with whole_file(path) as temporary, temporary.open("w", encoding="utf-8") as file:
        file.write(before + _json(head) + between)
        for line in _lines(table):
            file.write(line)
        file.write(after)


def _lines(table: ScanTable) -> Iterator[str]:
    """Give the rows as a JSON array, one a line."""
    yield "[\n"
    for number, row in enumerate(table.rows()):
        if number == MOST_ROWS:
            break
        yield (",\n" if number else "") + _json([_value(name, row) for name in FIELDS])
    yield "\n]"


def _value(name: str, row: dict[str, Any]) -> Any:
    value = row.get(name)
    if name == "thumbnail":
        return base64.b64encode(value).decode("ascii") if value else ""
    if name == "windows":
        return [
            [_short(w["start_s"], 1), _short(w["stop_s"], 1), _short(w["mos"], 2)]
            for w in value or []
        ]
    if name == "events":
        return [
            [e["kind"], _short(e["start_s"], 2), _short(e["stop_s"], 2), e["text"]]
            for e in value or []
        ]
    if isinstance(value, bool):
        return int(value)
    if name == "best_copy" and row.get("is_best_copy"):
        return ""
    return _short(value, DECIMALS[name]) if name in DECIMALS else value


def _short(value: float | None, decimals: int) -> float | int | None:
    if value is None:
        return None
    return round(value, decimals) if decimals else round(value)


def _json(value: Any) -> str:
    """Write JSON that may stand in a script element, whatever the names of the files are."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


def _asset(name: str) -> str:
    return resources.files("musqa_pipeline.scoring.scan").joinpath(name).read_text("utf-8")


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
