"""One Parquet file of the lake: how it is written, read and recognised."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import pyarrow as pa
import pyarrow.parquet as pq

from musqa_pipeline.core.errors import DamagedError
from musqa_pipeline.core.tables import columns_there
from musqa_pipeline.storage.fragments.byte_digest import BYTES_KEY, parquet_file, parquet_writer
from musqa_pipeline.storage.fragments.checksum import CHECKSUM_KEY, table_checksum
from musqa_pipeline.storage.fragments.partition import FINGERPRINT_KEY
from musqa_pipeline.storage.stores.store import Source, Store

UNREADABLE = (OSError, pa.ArrowException, UnicodeDecodeError)
"""What pyarrow raises on damaged files, the second also for features that a flipped bit invents."""


@contextmanager
def opened(store: Store, key: str) -> Iterator[Source]:
    """Open a fragment for pyarrow, to read parts of it.

    Raises DamagedError if it is not there or damaged, also when the block finds out.
    """
    try:
        with store.opened(key) as source:
            yield source
    except UNREADABLE as error:
        reason = " ".join(str(error).split())
        raise DamagedError(
            f"cannot read {store.address(key)}: {reason}; delete the file if it is there, and run "
            "again",
            key,
        ) from error


def footer(store: Store, key: str) -> Mapping[bytes, bytes]:
    """Read the keys that a fragment's footer carries.

    Raises LakeError if the store does not answer.
    """
    found = file_metadata(store, key)
    return (found.metadata or {}) if found else {}


def file_metadata(store: Store, key: str) -> pq.FileMetaData | None:
    """Read the footer of a fragment, see `footer`; None if it is absent or damaged."""
    try:
        with store.opened(key) as source:
            return pq.read_metadata(source)
    except UNREADABLE:
        return None


def is_current(store: Store, key: str, fingerprint: str) -> bool:
    """Tell whether a fragment is there, whole, and of this fingerprint."""
    return footer(store, key).get(FINGERPRINT_KEY) == fingerprint.encode()


def read_fragment(store: Store, key: str, columns: list[str] | None = None) -> pa.Table:
    """Read a fragment, all of it or some columns.

    Raises LakeError if it is not there, damaged, or lacks a column.
    """
    with opened(store, key) as source:
        return pq.read_table(
            source, columns=columns, partitioning=None, page_checksum_verification=True
        )


def read_wanted(store: Store, key: str, wanted: pa.Schema) -> pa.Table:
    """Read the columns of a schema that a fragment has; nullable ones may have come later."""
    with opened(store, key) as source, parquet_file(source, pre_buffer=True) as file:
        names = file.schema_arrow.names
        there = columns_there(names, wanted)
        if lacking := sorted(set(there) - set(names)):
            raise pa.ArrowInvalid(f"it has no column {lacking[0]}")
        return file.read(there, use_threads=False)


def rewrite_fragment(store: Store, key: str) -> None:
    """Write a fragment anew with the same values and keys, in the same row groups and codec.

    Raises LakeError if it cannot be read or written; then it is as it was.
    """
    with opened(store, key) as source, parquet_file(source) as file:
        table, metadata = file.read(use_threads=False), file.metadata
    first = metadata.row_group(0) if metadata.num_row_groups else None
    codecs = {first.column(i).compression for i in range(first.num_columns)} if first else set()
    compression = codecs.pop().lower().replace("uncompressed", "none") if len(codecs) == 1 else ""
    rows = first.num_rows if first else 1
    write_fragment(
        store, key, table, row_group_rows=max(1, rows), compression=compression or "zstd"
    )


def write_fragment(
    store: Store,
    key: str,
    table: pa.Table,
    *,
    row_group_rows: int | None = None,
    compression: str = "zstd",
    twice: bool = False,
) -> None:
    """Write a fragment whole.

    Raises LakeError if it cannot be written; nothing is left half-written.
    """
    checksum = {CHECKSUM_KEY: table_checksum(table).encode()}
    footer = {**(table.schema.metadata or {}), **checksum}
    footer.pop(BYTES_KEY, None)  # of another file
    whole = table.replace_schema_metadata(footer)
    with (
        store.writing(key, twice=twice) as temporary,
        parquet_writer(temporary, whole.schema, compression=compression) as writer,
    ):
        writer.write_table(whole, row_group_size=row_group_rows or max(1, table.num_rows))
