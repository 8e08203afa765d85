"""One Parquet file: its bytes against its digest, and its values as both readers see them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import duckdb
import pyarrow as pa

from musqa_pipeline.core.errors import first_line
from musqa_pipeline.core.seal_format import State
from musqa_pipeline.stages.views.reading import checksum_by_duckdb
from musqa_pipeline.storage.fragments.byte_digest import check_bytes, parquet_file
from musqa_pipeline.storage.fragments.checksum import TableChecksum


@dataclass(frozen=True)
class FileCheck:
    """What a look at a file says."""

    schema: pa.Schema
    footer: dict[bytes, bytes]
    n_said: int
    """Rows that the footer speaks of."""
    rows: int
    checksum: str
    has_digest: bool
    kind: str = ""
    """Key of `findings.ERRORS`; empty if bytes and readers agree."""
    detail: str = ""


def check_file(path: Path) -> FileCheck:
    """Read a Parquet file whole, with pyarrow and with DuckDB.

    Raises OSError, pyarrow.ArrowException or UnicodeDecodeError if pyarrow cannot read it.
    """
    state = check_bytes(path)
    with parquet_file(path) as file:
        checksum, rows, schema = TableChecksum(file.schema_arrow), 0, file.schema_arrow
        for group in range(file.num_row_groups):
            piece = file.read_row_group(group, use_threads=False)
            checksum.update(piece)
            rows += piece.num_rows
        footer, n_said = dict(file.metadata.metadata or {}), file.metadata.num_rows
    values = checksum.hexdigest()
    kind, detail = _by_views(path, schema, values)
    if not kind and state is State.WRONG:
        kind, detail = "wrong_bytes", f"{state.value}, though its values are"
    has_digest = state is not State.NONE
    return FileCheck(schema, footer, n_said, rows, values, has_digest, kind, detail)


def _by_views(path: Path, schema: pa.Schema, values: str) -> tuple[str, str]:
    try:
        if checksum_by_duckdb(path, schema) == values:
            return "", ""
    except (duckdb.Error, pa.ArrowException, UnicodeDecodeError) as error:
        return "damaged", f"DuckDB, by which the views read, cannot: {first_line(error)}"
    return "wrong_checksum", "DuckDB, by which the views read, finds other values in it"
