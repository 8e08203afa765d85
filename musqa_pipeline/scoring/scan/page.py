"""The page of a scan: one HTML file that fetches nothing, with its data inside."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from importlib import resources
from pathlib import Path
from typing import Any

from musqa_pipeline.core.files import whole_file
from musqa_pipeline.core.foreign_text import printable
from musqa_pipeline.scoring.scan.rows import ScanTable
from musqa_pipeline.scoring.scan.thumbnails import COLUMNS, HIGHEST_HZ, LEVELS, RANGE_DB, ROWS
from musqa_pipeline.scoring.words import WORDS

MOST_ROWS = 20_000
"""The worst of them; the CSV has all."""
MOST_GONE = 1_000
FIELDS = (
    "file", "mos", "mos_low", "mos_high", "word", "abstained", "reason", "cause", "flags",
    "duration_s", "sample_rate_hz", "channels", "codec", "is_lossy", "bitrate_kbps", "bandwidth_hz",
    "loudness_lufs", "true_peak_dbtp", "lossy_origin", "cliff_hz", "windows", "events", "copies",
    "best_copy", "is_best_copy", "best_because", "change", "mos_before", "moved_from", "problem",
    "thumbnail",
)  # fmt: skip
DECIMALS = {"mos": 2, "mos_low": 2, "mos_high": 2, "mos_before": 2, "duration_s": 1,
            "bitrate_kbps": 0, "bandwidth_hz": 0, "loudness_lufs": 1, "true_peak_dbtp": 1,
            "cliff_hz": 0}  # fmt: skip


def write_page(path: Path, table: ScanTable, summary: dict[str, Any], title: str) -> None:
    """Write the page of a library with this title; the file appears when it is whole.

    The first `MOST_ROWS` of the table are shown, and its `summary`. Raise LakeError if it cannot be
    written.
    """
    head = {
        "title": title,
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
