"""A query on the views of a lake, with no more loaded than an answer needs.

The database has the views already; the tables behind them, which all stages declare, are loaded
where it has to be written again.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb

from musqa_pipeline.core.errors import LakeError, first_line
from musqa_pipeline.core.home import Home, ObjectHome
from musqa_pipeline.core.progress import logger

if TYPE_CHECKING:
    import polars as pl

DATABASE = "musqa.duckdb"
"""Name of the file, and of the database in it."""
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


def query(home: Home, sql: str) -> pl.DataFrame:
    """Run one SQL query on the views.

    Raises LakeError if there is no database yet, or a file kept vanishing while it was read;
    duckdb.Error if the query itself is wrong.
    """
    for attempt in range(ATTEMPTS):
        try:
            return _query_once(home, sql)
        except duckdb.Error as error:
            from musqa_pipeline.stages.views.duck import set_damaged_aside
            from musqa_pipeline.stages.views.publication import is_of_the_lake

            # A flipped bit may give a column another name or type than its view has.
            if isinstance(error, _WRONG_QUERY) and "view were altered" not in str(error):
                raise
            moved = isinstance(error, _MOVED) and is_of_the_lake(home, error)
            if moved and attempt < ATTEMPTS - 1:
                time.sleep(0.2 * (attempt + 1))
                continue
            if set_damaged_aside(home):
                return _query_once(home, sql)
            if not moved:
                raise
            raise LakeError(f"the lake changed under the query: {error}; try again") from error
    raise AssertionError("unreachable")


def _query_once(home: Home, sql: str) -> pl.DataFrame:
    import polars as pl

    if isinstance(home, ObjectHome):
        from musqa_pipeline.stages.views.duck import read_published
        from musqa_pipeline.stages.views.remote import query_remote
        from musqa_pipeline.stages.views.views import schemas_of
        from musqa_pipeline.storage.lake.lake import Lake

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
        _restore_views(home)
    try:
        return _opened(path)
    except duckdb.Error as error:
        if "set lock" in str(error):  # somebody writes to it; its files are read all the same
            raise
        logger.warning("%s is damaged, its views are written again (%s)", path, first_line(error))
        _restore_views(home)
        return _opened(path)


def _restore_views(home: Home) -> None:
    from musqa_pipeline.stages.views.duck import restore_views

    restore_views(home)


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


def sql_text(value: object) -> str:
    """Quote a value as SQL has it."""
    return "'" + str(value).replace("'", "''") + "'"
