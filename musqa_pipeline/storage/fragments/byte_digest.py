"""A digest of all bytes of a Parquet file, in its own footer.

A checksum of the values (`checksum.py`) says nothing of statistics, of the footer, or of what
another reader than pyarrow makes of the file. This digest covers every byte: it is computed with
zeros in its own place and then written there. So a file stays one file, is whole or absent as
before, and takes its digest along wherever it is moved or copied. Readers, which need not read all
of a file, are warned by Parquet's own checksums of pages.
"""

from __future__ import annotations

import contextlib
import hashlib
from pathlib import Path
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from musqa_pipeline.core.seal_format import State

BYTES_KEY = b"musqa.bytes"
"""Key of a fragment's footer."""
_MARK = b"blake2b-16:"
"""Begins the value, so that one flipped bit cannot hide that there is a digest."""
_SIZE = 32
PLACE = {BYTES_KEY: _MARK + b"0" * _SIZE}
"""Goes into the footer in place of the digest, as its last key."""
_END = 8
"""Bytes after the footer: its length, and the letters that end a Parquet file."""
_TAIL = 1 << 16
_PIECE = 4 << 20


@contextlib.contextmanager
def parquet_writer(path: Path, schema: pa.Schema, **options: Any) -> Any:
    """Give a writer of a Parquet file that gets a digest when the block ends well."""
    with pq.ParquetWriter(path, schema, write_page_checksum=True, **options) as writer:
        yield writer
        writer.add_key_value_metadata(PLACE)
    stamp(path)


def parquet_file(source: Any, **options: Any) -> pq.ParquetFile:
    """Open a Parquet file whose pages are compared with their checksums when they are read."""
    return pq.ParquetFile(source, page_checksum_verification=True, **options)


def stamp(path: Path) -> None:
    """Write the digest of a closed Parquet file into the place that its footer has for it."""
    with path.open("r+b") as file:
        at = _find(file)
        assert at is not None, "the footer was written with the place of the digest"
        digest = _digest(file, at)
        file.seek(at)
        file.write(digest)


def check_bytes(path: Path) -> State:
    """Compare a Parquet file with the digest that it carries."""
    with path.open("rb") as file:
        at = _find(file)
        if at is None:
            return State.NONE
        file.seek(at)
        said = file.read(_SIZE)
        return State.WHOLE if at and said == _digest(file, at) else State.WRONG


def _find(file: BinaryIO) -> int | None:
    """Return where the digest lies; 0 if only half of what marks it is there, None without it."""
    size = file.seek(0, 2)
    file.seek(max(0, size - _END))
    n_footer = int.from_bytes(file.read(_END)[:4], "little")
    begin = max(0, size - _END - max(n_footer, _TAIL))  # the length may be what is damaged
    file.seek(begin)
    footer = file.read()
    key, mark = footer.rfind(BYTES_KEY), footer.rfind(_MARK)
    if key < 0 and mark < 0:
        return None
    at = mark + len(_MARK)
    beside = 0 < mark - key - len(BYTES_KEY) <= 4 and at + _SIZE <= len(footer)
    return begin + at if key >= 0 and beside else 0


def _digest(file: BinaryIO, at: int) -> bytes:
    """Hash a file with zeros in the place of the digest."""
    total = hashlib.blake2b(digest_size=_SIZE // 2)
    file.seek(0)
    left = at
    while left and (piece := file.read(min(left, _PIECE))):
        total.update(piece)
        left -= len(piece)
    total.update(b"0" * _SIZE)
    file.seek(at + _SIZE)
    while piece := file.read(_PIECE):
        total.update(piece)
    return total.hexdigest().encode()
