"""The target of recipes: one is read whole, and its replay laid out in a scratch folder."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from musqa_pipeline.audio.degradations.codecs import Codec
from musqa_pipeline.audio.degradations.processes import DEGRADATIONS
from musqa_pipeline.core.fingerprints import digest
from musqa_pipeline.release.rebuild.checking import RECIPE
from musqa_pipeline.release.rebuild.file import HEAD_KEY, read_recipe
from musqa_pipeline.release.rebuild.references import Found, Source
from musqa_pipeline.release.rebuild.replay import Answer, replay, store
from musqa_pipeline.release.rebuild.words import missing_references, other_encoders, verdict
from musqa_pipeline.stages.degradations.plan import processes_of
from musqa_pipeline.stages.degradations.table import DEGRADATIONS as DEGRADATIONS_TABLE

SECOND_FILE = b"\n=== second file ===\n"
"""Where a reader takes two files, this line parts them."""
_TEXT, _HASH = "x", "0" * 32
GOOD_ROW: dict[str, Any] = {
    **{f.name: _TEXT if pa.types.is_string(f.type) else 1 for f in RECIPE.schema},
    **{f.name: None for f in RECIPE.schema if f.nullable},
    **{f.name: True for f in RECIPE.schema if pa.types.is_boolean(f.type)},
    **{name: _HASH for name in RECIPE.schema.names if name.endswith("_hash")},
    **{"part": "test", "kind": "single", "mos": 3.0, "quality": 0.5},
    **{"first_id": 9, "last_id": 9, "first_name": "mp3", "last_name": "mp3"},
    **{"track_duration_s": 60.0, "track_sample_rate_hz": 48_000},
}
"""What a row says where the input is silent; a recipe of it is accepted."""


def recipe(data: bytes, folder: Path) -> None:
    """Read a recipe and lay out its replay: nothing may be written but below its folder.

    A recipe is a Parquet file. What is none is the head of one and, after `SECOND_FILE`, a list of
    what its rows say otherwise than `GOOD_ROW`.
    """
    path, out = folder / "x.recipe", folder / "replay" / "out"
    shutil.rmtree(out.parent, ignore_errors=True)
    out.parent.mkdir()
    if data.startswith(b"PAR1"):
        path.write_bytes(data)
    else:
        head, _, said = data.partition(SECOND_FILE)
        pq.write_table(_rows(said).replace_schema_metadata({HEAD_KEY: head}), path)
    beside = set(folder.iterdir())
    found = read_recipe(path)
    digest(asdict(found.head))
    wanted = found.rows.select("catalog", "excerpt_id").unique().rows()
    [*missing_references(found, Found({}, 0)), *other_encoders(found)]
    sources = {(catalog, excerpt_id): Source(path, 0) for catalog, excerpt_id in wanted}
    report = replay(found, Found(sources, 1), out, fanout=_LaidOut())
    verdict(found, report, {})
    written = {p for p in out.parent.rglob("*") if p.is_file() and not p.name.startswith(".")}
    planned = {out / catalog / f"{excerpt_id}.parquet" for catalog, excerpt_id in wanted}
    assert written == planned | {out / "dataset.parquet", out / "replay.json"}
    assert all(p.resolve().is_relative_to(out.resolve()) for p in written)
    assert set(folder.iterdir()) == beside


class _LaidOut:
    """In place of workers: reads the processes of every row, makes none, and writes the files."""

    def map(self, function: object, tasks: Iterable[Any], *, needs: object = None) -> Iterator[Any]:
        """Yield an answer a task."""
        for task in tasks:
            for row in task.rows:
                for process in processes_of(row):
                    degradation = DEGRADATIONS[process.name]
                    if isinstance(degradation, Codec):
                        degradation.options(process.params)
            store(task, DEGRADATIONS_TABLE.schema.empty_table())
            yield Answer(len(task.rows), [])


def _rows(said: bytes) -> pa.Table:
    """Build rows of any values; a column that takes none of the right type has another one."""
    try:
        changes = json.loads(said)
    except (ValueError, RecursionError):
        changes = []
    changes = changes if isinstance(changes, list) else []
    rows = [GOOD_ROW | change for change in changes[:20] if isinstance(change, dict)]
    columns = {}
    for field in RECIPE.schema:
        values = [row[field.name] for row in rows]
        for kind in (field.type, None):
            try:
                columns[field.name] = pa.array(values, kind)
                break
            except (pa.ArrowException, TypeError, ValueError, OverflowError):
                columns[field.name] = pa.array([ascii(value) for value in values])
    return pa.table(columns)
