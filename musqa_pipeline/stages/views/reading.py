"""What DuckDB makes of one file, for it may stumble where pyarrow does not."""

from __future__ import annotations

import functools
from pathlib import Path

import duckdb
import pyarrow as pa

from musqa_pipeline.storage.fragments.checksum import TableChecksum

_FILE = "FROM read_parquet(?, hive_partitioning = false)"
_ROWS = 65_536
"""Rows that are compared at a time."""


def is_readable(path: Path) -> bool:
    """Tell whether DuckDB can make a view of a file."""
    with _database().cursor() as connection:
        try:
            connection.execute(f"SELECT * {_FILE} LIMIT 0", [str(path)])
        except duckdb.Error:
            return False
    return True


def checksum_by_duckdb(path: Path, schema: pa.Schema) -> str:
    """Read all of a file as the views do, and hash its values.

    Raises duckdb.Error if DuckDB cannot read it; pyarrow.ArrowException if it takes a column for
    another type.
    """
    plain = schema.remove_metadata()
    checksum = TableChecksum(plain)
    with _database().cursor() as connection:
        rows = connection.sql(f"SELECT * {_FILE}", params=[str(path)]).to_arrow_reader(_ROWS)
        for batch in rows:
            checksum.update(pa.Table.from_batches([batch]).cast(plain))
    return checksum.hexdigest()


@functools.cache
def _database() -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect(":memory:")
    connection.execute("SET enable_progress_bar = false")
    return connection
