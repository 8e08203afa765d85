"""The views of a lake on object storage: made in memory for a query, written as SQL for others.

DuckDB reads the fragments through s3fs, registered with the connection, because its own extension
for object storage would have to be downloaded. A database file with views is of no use there: to
make it, each view would read the footers of all its fragments.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import duckdb
import polars as pl

from musqa_pipeline.errors import LakeError
from musqa_pipeline.homes import ObjectHome

View = tuple[str, str]
"""Name of a view and the query that it stands for."""
SCRIPT = "musqa.sql"


def views_script(schemas: Iterable[tuple[str, Iterable[View]]]) -> str:
    """Write the views as SQL, for clients that have DuckDB's own extension for object storage.

    Parameters
    ----------
    schemas : iterable of (str, iterable of View)
        Schemas with their views.

    Returns
    -------
    str
        Statements that may be run again and again.
    """
    lines = ["-- Views of a musqa lake; see docs/object_storage.md for the secret that they need."]
    for schema, views in schemas:
        lines.append(f'CREATE SCHEMA IF NOT EXISTS "{schema}";')
        lines += [f'CREATE OR REPLACE VIEW "{schema}"."{n}" AS {source};' for n, source in views]
    return "\n".join(lines) + "\n"


def query_remote(
    home: ObjectHome, sql: str, schemas: Iterable[tuple[str, Iterable[View]]]
) -> pl.DataFrame:
    """Run one SQL query on views that exist for that query alone.

    Parameters
    ----------
    home : ObjectHome
        Of the lake.
    sql : str
        DuckDB's SQL.
    schemas : iterable of (str, iterable of View)
        Schemas with their views; those that the query does not name are not made.

    Returns
    -------
    polars.DataFrame
        The result; empty if the text holds no statement, or one without a result.

    Raises
    ------
    LakeError
        If the storage does not answer.
    duckdb.Error
        If the query itself is wrong.
    """
    named = _named_tables(sql)
    with duckdb.connect(":memory:") as connection:
        connection.register_filesystem(_filesystem())
        connection.execute("SET enable_progress_bar = false")
        try:
            for schema, views in schemas:
                if schema != "main":
                    connection.execute(f'CREATE SCHEMA "{schema}"')
                for name, source in views:
                    if named is None or name in named:
                        connection.execute(f'CREATE VIEW "{schema}"."{name}" AS {source}')
            result = connection.sql(sql)
            return pl.DataFrame() if result is None else result.pl()
        except (OSError, RuntimeError) as error:
            if isinstance(error, duckdb.Error):
                raise
            raise LakeError(
                f"cannot query {home}: the storage does not answer as it should "
                f"({type(error).__name__}); check network and credentials, and try again"
            ) from None


def _named_tables(sql: str) -> set[str] | None:
    """Return the tables that a query names; None where it may ask for any."""
    try:
        # On a connection of its own: with a registered file system it would wait for itself.
        with duckdb.connect(":memory:") as parser:
            return set(parser.get_table_names(sql)) or None
    except duckdb.Error:
        return None


def _filesystem() -> Any:
    import s3fs

    from musqa_pipeline.lake.s3_client import endpoint_url

    endpoint = endpoint_url()
    return s3fs.S3FileSystem(
        endpoint_url=endpoint,
        config_kwargs={"s3": {"addressing_style": "path"}} if endpoint else {},
        default_block_size=1 << 20,
        use_listings_cache=False,
        skip_instance_cache=True,
    )
