"""`musqa.duckdb`: views over the lake, a schema per preset and the last preset in `main`.

The file holds views only. It is written aside and moved over the old one, and nothing of ours
keeps it open, so that clients may read it at any moment, also while the graph runs.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import duckdb

from musqa_pipeline.core.errors import LakeError
from musqa_pipeline.core.home import Home, ObjectHome
from musqa_pipeline.core.progress import logger
from musqa_pipeline.core.tables import Table
from musqa_pipeline.stages.degradations.round_table import ROUNDS
from musqa_pipeline.stages.engine.context import Context
from musqa_pipeline.stages.engine.quarantine import QUARANTINE
from musqa_pipeline.stages.engine.records import RECORDS, record_partition
from musqa_pipeline.stages.views.publication import (
    PUBLISHED,
    drop_replaced,
    read_record,
    record_partitions,
    replaced_by_packs,
    unwritable,
)
from musqa_pipeline.stages.views.queries import DATABASE, database_path, query, sql_text
from musqa_pipeline.stages.views.reading import is_readable
from musqa_pipeline.stages.views.remote import SCRIPT, views_script
from musqa_pipeline.stages.views.views import (
    HISTORY,
    JOINT,
    PER_CATALOG,
    VIEWS,
    schemas_of,
    shown_partitions,
    view_columns,
)
from musqa_pipeline.storage.fragments.partition import Partition
from musqa_pipeline.storage.lake.damaged import set_aside_damaged
from musqa_pipeline.storage.lake.lake import Lake
from musqa_pipeline.storage.stores.opening import open_store

__all__ = [
    "HISTORY",
    "JOINT",
    "PER_CATALOG",
    "VIEWS",
    "database_path",
    "publish",
    "query",
    "read_published",
    "restore_views",
    "view_columns",
]

_ViewName = tuple[str, str]
"""Schema and name."""
_Views = dict[_ViewName, str]
"""What each view reads, as SQL."""
_READABLE: set[tuple[str, str]] = set()
"""What this process has seen to be readable on object storage."""
_WRITTEN: dict[Path, tuple[tuple[int, int, int], _Views]] = {}
"""What this process has written to each database, and which file that was."""


def publish(context: Context, stages: Iterable[str]) -> None:
    """Let the views show what a context's stages hold from now on."""
    store = context.lake.store
    stages = list(stages)
    with store.lock("published"):
        store.sweep("", only_dead=True)
        record, version = read_record(store)
        entry = record["presets"].setdefault(context.preset.name, {"stages": {}})
        entry["catalogs"] = list(context.preset.catalogs)
        # Stages 1-4 follow from the settings alone: a changed setting changes all of them at once.
        known = [name for name in PER_CATALOG if name in context.fingerprints]
        for stage in dict.fromkeys([*known, *stages]):
            entry["stages"][stage] = context.fingerprints[stage]
        for kind in RECORDS:
            entry["stages"][kind] = record_partition(kind, context.preset.name).fingerprint
        record["last"] = context.preset.name
        content = json.dumps(record, indent=1, sort_keys=True).encode()
        if not store.commit(PUBLISHED, content, version):
            raise LakeError(
                f"{store.address(PUBLISHED)} was changed by another process at this moment; run "
                "again"
            )
        names = _views_of(stages)
        again = {(schema, name) for schema in (context.preset.name, "main") for name in names}
        _write_database(context.lake, record, again)


def read_published(home: Home) -> dict[str, Any]:
    """Return what the views show: per preset its catalogs and the fingerprint of each stage."""
    return read_record(open_store(home))[0]


def set_damaged_aside(home: Home) -> bool:
    """Take what views cannot read out of their sight, and write them again if there was any.

    Return whether there was.
    """
    lake = Lake(home)
    record, _ = read_record(lake.store)
    if isinstance(home, ObjectHome) or not record["presets"]:
        return False
    damaged = set_aside_damaged(lake.store, record_partitions(record), is_readable)
    if damaged:
        logger.warning("damaged, set aside and made again by the next run: %s", ", ".join(damaged))
        restore_views(home)
    return bool(damaged)


def restore_views(home: Home) -> None:
    """Write the DuckDB file again, as `published.json` says."""
    lake = Lake(home)
    with lake.store.lock("published"):
        record, _ = read_record(lake.store)
        if not record["presets"]:
            where = lake.store.address(DATABASE)
            raise LakeError(f"{where} does not exist; run `musqa demo` or `musqa run` first")
        _WRITTEN.clear()
        _write_database(lake, record, set())


def _views_of(stages: Iterable[str]) -> set[str]:
    """Return the names of the views that show what some stages made."""
    tables = {**PER_CATALOG, **JOINT}
    names = {tables[stage].name for stage in stages}
    if names & {table.name for table in PER_CATALOG.values()}:
        names |= {ROUNDS.name, QUARANTINE.name}
    return names


def _write_database(lake: Lake, record: dict[str, Any], again: set[_ViewName]) -> None:
    """Write the views that changed, and `again` those whose files did."""
    replaced = replaced_by_packs(lake.store, record)
    try:
        _write_views(lake, record, again)
    except duckdb.Error as error:
        damaged = set_aside_damaged(lake.store, record_partitions(record), is_readable)
        if not damaged:
            raise unwritable(lake.store, error) from error
        logger.warning("damaged, set aside and made again by the next run: %s", ", ".join(damaged))
        try:
            _write_views(lake, record, again)
        except duckdb.Error as still:
            raise unwritable(lake.store, still) from still
    drop_replaced(lake.store, replaced)  # no view reads it any more


def _write_views(lake: Lake, record: dict[str, Any], again: set[_ViewName]) -> None:
    for _, entry in sorted(record["presets"].items()):
        for partition, table in shown_partitions(entry["stages"]):
            _keep_readable(lake, partition, table)
    if isinstance(lake.store.home, ObjectHome):
        lake.store.write_bytes(SCRIPT, views_script(schemas_of(lake, record)).encode())
        return
    database = database_path(lake.store.home)
    views = {
        (schema, name): source
        for schema, shown in schemas_of(lake, record)
        for name, source in shown
    }
    there = {view: sql for view, sql in _shown(database).items() if view not in again}
    with lake.store.writing(DATABASE, sealed=True) as temporary:
        if there:
            shutil.copyfile(database, temporary)
        else:
            temporary.unlink(missing_ok=True)
        _make_views(temporary, views, there)
    _WRITTEN[database] = _identity(database), views


def _shown(database: Path) -> _Views:
    """Return the views that this process wrote last, if the file is still the one it wrote."""
    identity, views = _WRITTEN.get(database, (None, {}))
    try:
        return views if identity == _identity(database) else {}
    except FileNotFoundError:
        return {}


def _identity(database: Path) -> tuple[int, int, int]:
    seen = database.stat()
    return seen.st_ino, seen.st_size, seen.st_mtime_ns


def _make_views(file: Path, views: _Views, there: _Views) -> None:
    """Bring a file of some views to others: opening the Parquet files of each takes the time."""
    with duckdb.connect(":memory:") as connection:
        # An older storage version, so that clients of DuckDB 1.x can open the file.
        connection.execute(f"ATTACH {sql_text(file)} AS lake (STORAGE_VERSION 'v1.0.0')")
        for schema in sorted({schema for schema, _ in views}):
            connection.execute(f'CREATE SCHEMA IF NOT EXISTS lake."{schema}"')
        for schema, name in there.keys() - views.keys():
            connection.execute(f'DROP VIEW lake."{schema}"."{name}"')
        for (schema, name), source in views.items():
            if there.get((schema, name)) == source:
                continue
            view = f'lake."{schema}"."{name}"'
            connection.execute(f"CREATE OR REPLACE VIEW {view} AS {source}")
            comment = f"One row is {VIEWS[name].row_is}."
            connection.execute(f"COMMENT ON VIEW {view} IS {sql_text(comment)}")
        connection.execute("DETACH lake")


def _keep_readable(lake: Lake, partition: Partition, table: Table) -> None:
    place = (str(lake.store.home), partition.glob_key)
    if place not in _READABLE:
        lake.keep_readable(partition, table.schema)
    if isinstance(lake.store.home, ObjectHome):  # a disk is asked again: it costs nothing
        _READABLE.add(place)
