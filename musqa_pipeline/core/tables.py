"""Tables as data: columns with type, unit and meaning, from which schemas and docs are made.

A stage declares its table once, in its `table.py`; Parquet files, DuckDB views, `docs/tables.md`
and the schema shown in the Dagster UI all follow from that declaration.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import pyarrow as pa


@dataclass(frozen=True)
class Column:
    """One column: its name carries the unit, its doc the meaning."""

    name: str
    type: pa.DataType
    doc: str
    nullable: bool = False


@dataclass(frozen=True)
class Table:
    """A table of the lake, which is also a DuckDB view of the same name."""

    name: str
    row_is: str
    """What one row stands for, as a noun phrase."""
    columns: tuple[Column, ...]

    @property
    def schema(self) -> pa.Schema:
        """Arrow schema with each column's doc as field metadata."""
        return pa.schema(
            [pa.field(c.name, c.type, c.nullable, {"doc": c.doc}) for c in self.columns]
        )

    def from_rows(self, rows: Iterable[Mapping[str, Any]]) -> pa.Table:
        """Build an Arrow table from dictionaries, refusing keys that do not fit."""
        rows = list(rows)
        known = {c.name for c in self.columns}
        required = {c.name for c in self.columns if not c.nullable}
        for row in rows:
            unknown = sorted(row.keys() - known)
            absent = sorted(name for name in required if row.get(name) is None)
            if unknown or absent:
                raise ValueError(
                    f"table {self.name}: unknown keys {unknown}, no value for {absent}"
                )
        arrays = [pa.array([row.get(c.name) for row in rows], type=c.type) for c in self.columns]
        return pa.Table.from_arrays(arrays, schema=self.schema)


def columns_there(there: Iterable[str], wanted: pa.Schema) -> list[str]:
    """List the wanted columns that a file can be asked for."""
    found = set(there)
    return [field.name for field in wanted if field.name in found or not field.nullable]


def with_later(table: pa.Table, wanted: pa.Schema) -> pa.Table:
    """Give a table the columns that came after it was written."""
    there = set(table.column_names)  # asked of hundreds of columns of each file
    for field in wanted:
        if field.name not in there:
            table = table.append_column(field, pa.nulls(table.num_rows, field.type))
    table = table.select(wanted.names).replace_schema_metadata(None)
    return table if table.schema.equals(wanted) else table.cast(wanted)
