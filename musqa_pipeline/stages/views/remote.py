"""The views of a lake on object storage: made in memory for a query, written as SQL for others.

DuckDB reads the fragments through a file system of ours, because its own extension for object
storage would have to be downloaded. A database file with views is of no use there: to make it, each
view would read the footers of all its fragments.
"""

from __future__ import annotations

from collections.abc import Iterable

import duckdb
import polars as pl

from musqa_pipeline.core.home import ObjectHome

View = tuple[str, str]
"""Name of a view and the query that it stands for."""
SCRIPT = "musqa.sql"


def views_script(schemas: Iterable[tuple[str, Iterable[View]]]) -> str:
    """Write the views as SQL, for clients with DuckDB's own extension for object storage."""
    lines = ["-- Views of a musqa lake; see docs/object_storage.md for the secret that they need."]
    for schema, views in schemas:
        lines.append(f'CREATE SCHEMA IF NOT EXISTS "{schema}";')
        lines += [f'CREATE OR REPLACE VIEW "{schema}"."{n}" AS {source};' for n, source in views]
    return "\n".join(lines) + "\n"


def query_remote(
    home: ObjectHome, sql: str, schemas: Iterable[tuple[str, Iterable[View]]]
) -> pl.DataFrame:
    """Run one SQL query on views that exist for that query alone."""
    from musqa_pipeline.storage.stores.s3_filesystem import S3FileSystem  # needs the extra

    named = _named_tables(sql)
    with duckdb.connect(":memory:") as connection:
        files = S3FileSystem()
        connection.register_filesystem(files)
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
        except (OSError, RuntimeError, duckdb.Error):
            if (failed := files.bucket(home.bucket).failed) is not None:
                raise failed from None
            raise


def _named_tables(sql: str) -> set[str] | None:
    """Return the tables that a query names; None where it may ask for any."""
    try:
        # On a connection of its own: with a registered file system it would wait for itself.
        with duckdb.connect(":memory:") as parser:
            return set(parser.get_table_names(sql)) or None
    except duckdb.Error:
        return None
