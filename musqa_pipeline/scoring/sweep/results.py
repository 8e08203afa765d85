"""What a sweep leaves: tables, a record and its plot."""

from __future__ import annotations

import json
from pathlib import Path

from musqa_pipeline.core.csv_files import csv_of
from musqa_pipeline.core.files import whole_file
from musqa_pipeline.scoring.sweep.plot import sweep_png, sweep_svg
from musqa_pipeline.scoring.sweep.sweep import Sweep, as_record


def write_sweep(result: Sweep, folder: Path) -> list[Path]:
    """Write a sweep's files into a folder, which is made if needed, and return their paths.

    They are ``sweep.csv`` (the curves), ``sweep_points.csv`` (each excerpt), ``sweep.json`` (all),
    ``sweep.svg`` and ``sweep.png``; those of an earlier sweep are replaced. Raise LakeError if the
    folder cannot be written.
    """
    record = as_record(result)
    texts: dict[str, str | bytes] = {
        "sweep.json": json.dumps(record, ensure_ascii=False, indent=1, allow_nan=False) + "\n",
        "sweep.svg": sweep_svg(result),
        "sweep.png": sweep_png(result),
    }
    for name, rows in (("sweep.csv", record["curves"]), ("sweep_points.csv", record["points"])):
        texts[name] = csv_of([rows[0].keys(), *(row.values() for row in rows)])
    paths = []
    for name, content in texts.items():
        with whole_file(folder / name) as temporary:
            temporary.write_bytes(content.encode() if isinstance(content, str) else content)
        paths.append(folder / name)
    return paths
