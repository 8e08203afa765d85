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
        """Build an Arrow table from dictionaries, refusing keys that do not fit.

        Parameters
        ----------
        rows : iterable of mapping
            One mapping a row; a nullable column may be left out.

        Returns
        -------
        pyarrow.Table
            With exactly this table's schema.

        Raises
        ------
        ValueError
            If a row has an unknown key, lacks a column, or has None where none is allowed.
        """
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
