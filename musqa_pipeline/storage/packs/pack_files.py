"""One pack: how units are written into it and read from it.

Small units share a row group, large ones keep their own, so that columns of many units are read
fast and the payload of one is read alone.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from musqa_pipeline.core.errors import LakeError
from musqa_pipeline.core.seal_format import State
from musqa_pipeline.core.tables import columns_there
from musqa_pipeline.storage.fragments import parquet
from musqa_pipeline.storage.fragments.byte_digest import (
    BYTES_KEY,
    check_bytes,
    parquet_file,
    parquet_writer,
)
from musqa_pipeline.storage.fragments.checksum import CHECKSUM_KEY, table_checksum
from musqa_pipeline.storage.fragments.partition import FINGERPRINT_KEY
from musqa_pipeline.storage.packs.manifest import INDEX_KEY, Packed, pack_index
from musqa_pipeline.storage.stores.store import Store

GROUP_BYTES = 1 << 20
"""Units below this size share a row group of about this size."""


@dataclass(frozen=True)
class Piece:
    """A unit on its way into a pack."""

    unit: str
    table: pa.Table
    """Its rows, without metadata."""
    fingerprint: str
    checksum: str
    footer: Mapping[str, str]
    group_rows: int
    """Rows in a row group of its own file."""
    compression: Mapping[str, str]
    """Parquet codec by column of its own file."""


def read_piece(store: Store, key: str, unit: str) -> Piece:
    """Read a loose unit for packing, and check it against its checksum.

    Raises LakeError if it is damaged.
    """
    with parquet.opened(store, key), store.lent(key) as path:
        state = check_bytes(path)
        with parquet_file(path) as file:
            table, metadata = file.read(use_threads=False), file.metadata
    footer = dict(metadata.metadata or {})
    checksum = table_checksum(table)
    said = footer.pop(CHECKSUM_KEY, checksum.encode()).decode()
    if said != checksum or state is State.WRONG:
        raise LakeError(
            f"{store.address(key)} is not what was written; look at the lake with `musqa verify`"
        )
    fingerprint = footer.pop(FINGERPRINT_KEY, b"").decode()
    for name in (b"ARROW:schema", BYTES_KEY):
        footer.pop(name, None)
    first = metadata.row_group(0) if metadata.num_row_groups else None
    group_rows = max(1, first.num_rows if first else 0)
    compression = _codecs(first)
    texts = {name.decode(): value.decode() for name, value in footer.items()}
    plain = table.replace_schema_metadata(None)
    return Piece(unit, plain, fingerprint, checksum, texts, group_rows, compression)


def packed_piece(store: Store, unit: str, place: Packed) -> Piece:
    """Read a packed unit for another pack, or to become loose again; check it."""
    with parquet.opened(store, place.pack) as source, parquet_file(source) as file:
        table = _rows(file, place, None)
        first = file.metadata.row_group(place.first_group) if place.n_groups else None
    group_rows = first.num_rows if first and place.n_groups > 1 else max(1, place.rows)
    piece = Piece(
        *(unit, table.replace_schema_metadata(None), place.fingerprint, place.checksum),
        *(place.footer, group_rows, _codecs(first)),
    )
    _check(store, unit, place, piece.table)
    return piece


def write_pack(store: Store, key: str, pieces: Iterable[Piece], schema: pa.Schema) -> None:
    """Write a pack whole, and read it back before anything relies on it.

    Raises LakeError if it cannot be written, or does not hold what was written.
    """
    with store.writing(key) as temporary:
        _write(temporary, pieces, schema)
    index = pack_index(store, key)
    for unit, table in read_packed(store, index):
        _check(store, unit, index[unit], table)


def _write(path: Path, pieces: Iterable[Piece], schema: pa.Schema) -> None:
    """Write row groups, and in the footer which unit lies in which."""
    left = iter(pieces)
    first = next(left)
    index: dict[str, dict[str, Any]] = {}
    n_groups = 0
    with parquet_writer(path, schema, compression=dict(first.compression) or "zstd") as writer:
        for together in _row_groups(itertools.chain([first], left)):
            is_large, n_rows = together[0].table.nbytes >= GROUP_BYTES, 0
            for piece in together:
                rows = piece.table.num_rows
                n_own = -(-rows // piece.group_rows) if is_large else min(rows, 1)
                index[piece.unit] = {
                    "first_group": n_groups, "n_groups": n_own, "offset": n_rows, "rows": rows,
                    "fingerprint": piece.fingerprint, "checksum": piece.checksum,
                    "footer": dict(piece.footer),
                }  # fmt: skip
                n_rows += rows
            if is_large:
                writer.write_table(together[0].table, row_group_size=together[0].group_rows)
                n_groups += n_own
            elif n_rows:
                table = pa.concat_tables([piece.table for piece in together]).combine_chunks()
                writer.write_table(table, row_group_size=n_rows)
                n_groups += 1
        writer.add_key_value_metadata({INDEX_KEY: json.dumps(index).encode()})


def _row_groups(pieces: Iterable[Piece]) -> Iterator[list[Piece]]:
    """Put small units together; a large one is alone."""
    small: list[Piece] = []
    n_bytes = 0
    for piece in pieces:
        is_large = piece.table.nbytes >= GROUP_BYTES
        if small and (is_large or n_bytes >= GROUP_BYTES):
            yield small
            small, n_bytes = [], 0
        if is_large:
            yield [piece]
        else:
            small.append(piece)
            n_bytes += piece.table.nbytes
    if small:
        yield small


def read_packed(
    store: Store, units: Mapping[str, Packed], columns: pa.Schema | list[str] | None = None
) -> Iterator[tuple[str, pa.Table]]:
    """Read packed units, each pack once.

    Raises LakeError if a pack is gone or damaged, or lacks a column.
    """
    by_pack: dict[str, list[str]] = {}
    for unit, place in units.items():
        by_pack.setdefault(place.pack, []).append(unit)
    for key, wanted in by_pack.items():
        with parquet.opened(store, key) as source, parquet_file(source) as file:
            names = columns
            if isinstance(columns, pa.Schema):
                names = columns_there(file.schema_arrow.names, columns)
            groups: dict[int, pa.Table] = {}
            for unit in sorted(wanted, key=lambda unit: units[unit].first_group):
                place = units[unit]
                if place.n_groups == 1:  # it may share its row group with the next ones
                    if place.first_group not in groups:
                        group = file.read_row_group(place.first_group, names, use_threads=False)
                        groups = {place.first_group: group}
                    yield unit, groups[place.first_group].slice(place.offset, place.rows)
                else:
                    yield unit, _rows(file, place, names)


def _check(store: Store, unit: str, place: Packed, table: pa.Table) -> None:
    if table_checksum(table) != place.checksum:
        raise LakeError(
            f"unit {unit} of {store.address(place.pack)} has other values than were written; "
            "look at the lake with `musqa verify`"
        )


def _codecs(group: pq.RowGroupMetaData | None) -> dict[str, str]:
    """Return the Parquet codec of each column, as pyarrow takes them."""
    columns = [group.column(i) for i in range(group.num_columns)] if group else []
    return {
        column.path_in_schema: column.compression.lower().replace("uncompressed", "none")
        for column in columns
    }


def _rows(file: pq.ParquetFile, place: Packed, columns: Any) -> pa.Table:
    groups = range(place.first_group, place.first_group + place.n_groups)
    table = file.read_row_groups(list(groups), columns, use_threads=False)
    return table.slice(place.offset, place.rows)
