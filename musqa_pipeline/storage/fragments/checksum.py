"""A checksum of a table's content, whatever file, chunks or compression it comes in.

Each column is hashed as streams of bytes that follow from its values alone: which values are
there, how long they are, what they are. The streams of a table that is cut into pieces are those of
the whole, so that a file can be checked a row group at a time, and a unit that moves to a larger
file keeps its checksum.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from musqa_pipeline.core.fingerprints import digest

CHECKSUM_KEY = b"musqa.checksum"
"""Key of a fragment's footer."""
_BINARY: dict[Callable[[pa.DataType], bool], type[np.signedinteger[Any]]] = {
    pa.types.is_string: np.int32,
    pa.types.is_binary: np.int32,
    pa.types.is_large_string: np.int64,
    pa.types.is_large_binary: np.int64,
}
"""Width of the offsets of each kind of bytes."""


class TableChecksum:
    """Hashes a table piece by piece."""

    def __init__(self, schema: pa.Schema) -> None:
        self._columns = [[field.name, _type_name(field.type)] for field in schema]
        self._rows = 0
        self._streams: dict[str, hashlib.blake2b] = {}

    def update(self, table: pa.Table) -> None:
        """Add the next rows."""
        self._rows += table.num_rows
        for index, (name, _) in enumerate(self._columns):
            for chunk in table.column(name).chunks:
                self._add(str(index), chunk)

    def hexdigest(self) -> str:
        """Return the checksum of the rows so far, 32 hexadecimal digits."""
        streams = {name: stream.hexdigest() for name, stream in self._streams.items()}
        return digest([self._columns, self._rows, streams])

    def _add(self, path: str, values: pa.Array) -> None:
        if isinstance(values, pa.DictionaryArray):
            values = values.dictionary_decode()
        self._feed(f"{path} there", pc.is_valid(values).cast(pa.uint8()).to_numpy())
        there = values.drop_null()
        kind = there.type
        if pa.types.is_null(kind):
            return
        if pa.types.is_list(kind) or pa.types.is_large_list(kind):
            lengths = pc.list_value_length(there).cast(pa.int64())
            self._feed(f"{path} lengths", lengths.to_numpy())
            self._add(f"{path} item", there.flatten())
        elif pa.types.is_struct(kind):
            for index, child in enumerate(there.flatten()):
                self._add(f"{path}.{index}", child)
        elif width := next((w for is_kind, w in _BINARY.items() if is_kind(kind)), None):
            self._feed(f"{path} lengths", pc.binary_length(there).cast(pa.int64()).to_numpy())
            self._feed(f"{path} values", _payload(there, width))
        elif pa.types.is_boolean(kind):
            self._feed(f"{path} values", there.cast(pa.uint8()).to_numpy())
        elif pa.types.is_temporal(kind):
            self._feed(f"{path} values", there.view(pa.int64()).to_numpy())
        else:
            self._feed(f"{path} values", there.to_numpy(zero_copy_only=False))

    def _feed(self, name: str, values: np.ndarray) -> None:
        if not len(values):  # so that an empty piece is no piece
            return
        stream = self._streams.setdefault(name, hashlib.blake2b(digest_size=16))
        stream.update(np.ascontiguousarray(values).view(np.uint8).data)


def table_checksum(table: pa.Table) -> str:
    """Hash a whole table."""
    checksum = TableChecksum(table.schema)
    checksum.update(table)
    return checksum.hexdigest()


def _type_name(kind: pa.DataType) -> str:
    """Name a type by what its values are; a file may call the items of a list differently."""
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        return f"list<{_type_name(kind.value_type)}>"
    if pa.types.is_struct(kind):
        return f"struct<{', '.join(f'{f.name}: {_type_name(f.type)}' for f in kind)}>"
    return str(kind.value_type if pa.types.is_dictionary(kind) else kind)


def _payload(values: pa.Array, offset_type: type[np.signedinteger[Any]]) -> np.ndarray:
    """Return the bytes of all values after one another, as they lie in memory."""
    _, offsets, data = values.buffers()
    if len(values) == 0 or data is None:
        return np.empty(0, np.uint8)
    bounds = np.frombuffer(offsets, offset_type)[values.offset : values.offset + len(values) + 1]
    return np.frombuffer(data, np.uint8)[bounds[0] : bounds[-1]]
