"""One Parquet file of the lake: how it is written, read and recognised."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import pyarrow as pa
import pyarrow.parquet as pq

from musqa_pipeline.errors import LakeError
from musqa_pipeline.lake.checksum import CHECKSUM_KEY, table_checksum
from musqa_pipeline.lake.shelf import FINGERPRINT_KEY
from musqa_pipeline.lake.store import Source, Store
from musqa_pipeline.tables import columns_there

UNREADABLE = (OSError, pa.ArrowException, UnicodeDecodeError)
"""What pyarrow raises on damaged files, the second also for features that a flipped bit invents."""


@contextmanager
def opened(store: Store, key: str) -> Iterator[Source]:
    """Open a fragment for pyarrow, to read parts of it.

    Parameters
    ----------
    store : Store
        Where it is.
    key : str
        Which one.

    Yields
    ------
    str or pyarrow.NativeFile
        What `pyarrow.parquet` takes.

    Raises
    ------
    LakeError
        If it is not there or damaged, also when the block finds out.
    """
    try:
        with store.opened(key) as source:
            yield source
    except UNREADABLE as error:
        raise LakeError(
            f"cannot read {store.address(key)}: {error}; delete the file if it is there, and run "
            "again"
        ) from error


def footer(store: Store, key: str) -> Mapping[bytes, bytes]:
    """Read the keys that a fragment's footer carries.

    Parameters
    ----------
    store : Store
        Where it is.
    key : str
        Which one.

    Returns
    -------
    mapping of bytes to bytes
        None of a file that is absent or damaged.

    Raises
    ------
    LakeError
        If the store does not answer.
    """
    try:
        with store.opened(key) as source:
            return pq.read_metadata(source).metadata or {}
    except UNREADABLE:
        return {}


def is_current(store: Store, key: str, fingerprint: str) -> bool:
    """Tell whether a fragment is there, whole, and of this fingerprint."""
    return footer(store, key).get(FINGERPRINT_KEY) == fingerprint.encode()


def read_fragment(store: Store, key: str, columns: list[str] | None = None) -> pa.Table:
    """Read a fragment, all of it or some columns.

    Parameters
    ----------
    store : Store
        Where it is.
    key : str
        Which one.
    columns : list of str, optional
        Only these columns.

    Returns
    -------
    pyarrow.Table
        Its rows.

    Raises
    ------
    LakeError
        If it is not there, damaged, or lacks a column.
    """
    with opened(store, key) as source:
        return pq.read_table(source, columns=columns, partitioning=None)


def read_wanted(store: Store, key: str, wanted: pa.Schema) -> pa.Table:
    """Read the columns of a schema that a fragment has; nullable ones may have come later."""
    with opened(store, key) as source:
        there = columns_there(pq.read_schema(source).names, wanted)
    return read_fragment(store, key, there)


def write_fragment(
    store: Store,
    key: str,
    table: pa.Table,
    *,
    row_group_rows: int | None = None,
    compression: str = "zstd",
) -> None:
    """Write a fragment whole.

    Parameters
    ----------
    store : Store
        Where it belongs.
    key : str
        Its key.
    table : pyarrow.Table
        Its rows, with the footer's keys in the schema's metadata; a checksum is added.
    row_group_rows : int, optional
        Rows in a row group; all in one when left out.
    compression : str
        Parquet codec.

    Raises
    ------
    LakeError
        If it cannot be written; nothing is left half-written.
    """
    checksum = {CHECKSUM_KEY: table_checksum(table).encode()}
    with store.writing(key) as temporary:
        pq.write_table(
            table.replace_schema_metadata({**(table.schema.metadata or {}), **checksum}),
            temporary,
            row_group_size=row_group_rows or max(1, table.num_rows),
            compression=compression,
        )
