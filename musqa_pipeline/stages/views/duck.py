"""`musqa.duckdb`: views over the lake, a schema per preset and the last preset in `main`.

The file holds views only. It is written aside and moved over the old one, and nothing of ours
keeps it open, so that clients may read it at any moment, also while the graph runs.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import duckdb
import polars as pl

from musqa_pipeline.core.errors import LakeError, first_line
from musqa_pipeline.core.home import Home, ObjectHome
from musqa_pipeline.core.progress import logger
from musqa_pipeline.core.tables import Table
from musqa_pipeline.stages.engine.context import Context
from musqa_pipeline.stages.engine.records import RECORDS, record_partition
from musqa_pipeline.stages.views.publication import (
    DATABASE,
    PUBLISHED,
    drop_replaced,
    is_of_the_lake,
    read_record,
    record_partitions,
    replaced_by_packs,
    unwritable,
)
from musqa_pipeline.stages.views.reading import is_readable
from musqa_pipeline.stages.views.remote import SCRIPT, query_remote, views_script
from musqa_pipeline.stages.views.views import (
    HISTORY,
    JOINT,
    PER_CATALOG,
    VIEWS,
    schemas_of,
    shown_partitions,
    sql_text,
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

_READABLE: set[tuple[str, str]] = set()
"""What this process has seen to be readable on object storage."""
_WRONG_QUERY = (
    duckdb.ParserException, duckdb.BinderException, duckdb.CatalogException,
    duckdb.ConversionException, duckdb.OutOfRangeException, duckdb.OutOfMemoryException,
    duckdb.InterruptException, duckdb.PermissionException, duckdb.NotImplementedException,
)  # fmt: skip
"""What DuckDB raises of a query, and not of what it reads."""
_MOVED = (duckdb.IOException, duckdb.InvalidInputException)
ATTEMPTS = 5
"""How often a query is repeated whose file vanished under it."""


def database_path(home: Home) -> Path:
    """Return the path of the DuckDB file of a lake on a disk (it may not exist yet)."""
    assert isinstance(home, Path)
    return home / DATABASE


def publish(context: Context, stages: Iterable[str]) -> None:
    """Let the views show what a context's stages hold from now on."""
    store = context.lake.store
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
        _write_database(context.lake, record)


def read_published(home: Home) -> dict[str, Any]:
    """Return what the views show: per preset its catalogs and the fingerprint of each stage."""
    return read_record(open_store(home))[0]


def query(home: Home, sql: str) -> pl.DataFrame:
    """Run one SQL query on the views.

    Raises LakeError if there is no database yet, or a file kept vanishing while it was read;
    duckdb.Error if the query itself is wrong.
    """
    for attempt in range(ATTEMPTS):
        try:
            return _query_once(home, sql)
        except duckdb.Error as error:
            # A flipped bit may give a column another name or type than its view has.
            if isinstance(error, _WRONG_QUERY) and "view were altered" not in str(error):
                raise
            moved = isinstance(error, _MOVED) and is_of_the_lake(home, error)
            if moved and attempt < ATTEMPTS - 1:
                time.sleep(0.2 * (attempt + 1))
                continue
            if _set_aside_damaged(home):
                return _query_once(home, sql)
            if not moved:
                raise
            raise LakeError(f"the lake changed under the query: {error}; try again") from error
    raise AssertionError("unreachable")


def _set_aside_damaged(home: Home) -> bool:
    """Take what views cannot read out of their sight, and write them again if there was any."""
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
        _write_database(lake, record)


def _query_once(home: Home, sql: str) -> pl.DataFrame:
    if isinstance(home, ObjectHome):
        record = read_published(home)
        if not record["presets"]:
            raise LakeError(f"{home} holds no results yet; run `musqa demo` or `musqa run` first")
        return query_remote(home, sql, schemas_of(Lake(home), record))
    with _connected(home) as connection:
        result = connection.sql(sql)
        return pl.DataFrame() if result is None else result.pl()


def _connected(home: Home) -> duckdb.DuckDBPyConnection:
    path = database_path(home)
    if not path.exists():
        restore_views(home)
    try:
        return _opened(path)
    except duckdb.Error as error:
        if "set lock" in str(error):  # somebody writes to it; its files are read all the same
            raise
        logger.warning("%s is damaged, its views are written again (%s)", path, first_line(error))
        restore_views(home)
        return _opened(path)


def _opened(path: Path) -> duckdb.DuckDBPyConnection:
    """Open the views under a name that no preset has.

    DuckDB calls a file by its stem, and with a schema ``musqa`` in a file ``musqa`` the name
    ``musqa.labels`` could be either's.
    """
    connection = duckdb.connect(":memory:")
    try:
        connection.execute(f'ATTACH {sql_text(path)} AS "{DATABASE}" (READ_ONLY)')
        connection.execute(f'USE "{DATABASE}".main')
    except duckdb.Error:
        connection.close()
        raise
    return connection


def _write_database(lake: Lake, record: dict[str, Any]) -> None:
    replaced = replaced_by_packs(lake.store, record)
    try:
        _write_views(lake, record)
    except duckdb.Error as error:
        damaged = set_aside_damaged(lake.store, record_partitions(record), is_readable)
        if not damaged:
            raise unwritable(lake.store, error) from error
        logger.warning("damaged, set aside and made again by the next run: %s", ", ".join(damaged))
        try:
            _write_views(lake, record)
        except duckdb.Error as still:
            raise unwritable(lake.store, still) from still
    drop_replaced(lake.store, replaced)  # no view reads it any more


def _write_views(lake: Lake, record: dict[str, Any]) -> None:
    for _, entry in sorted(record["presets"].items()):
        for partition, table in shown_partitions(entry["stages"]):
            _keep_readable(lake, partition, table)
    if isinstance(lake.store.home, ObjectHome):
        lake.store.write_bytes(SCRIPT, views_script(schemas_of(lake, record)).encode())
        return
    with lake.store.writing(DATABASE, sealed=True) as temporary:
        temporary.unlink(missing_ok=True)
        with duckdb.connect(":memory:") as connection:
            # An older storage version, so that clients of DuckDB 1.x can open the file.
            connection.execute(f"ATTACH {sql_text(temporary)} AS lake (STORAGE_VERSION 'v1.0.0')")
            for schema, views in schemas_of(lake, record):
                connection.execute(f'CREATE SCHEMA IF NOT EXISTS lake."{schema}"')
                for name, source in views:
                    view = f'lake."{schema}"."{name}"'
                    connection.execute(f"CREATE VIEW {view} AS {source}")
                    comment = f"One row is {VIEWS[name].row_is}."
                    connection.execute(f"COMMENT ON VIEW {view} IS {sql_text(comment)}")
            connection.execute("DETACH lake")


def _keep_readable(lake: Lake, partition: Partition, table: Table) -> None:
    place = (str(lake.store.home), partition.glob_key)
    if place not in _READABLE:
        lake.keep_readable(partition, table.schema)
    if isinstance(lake.store.home, ObjectHome):  # a disk is asked again: it costs nothing
        _READABLE.add(place)
