"""Bits that flip in Parquet files."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.parquet as pq

from musqa_pipeline.stages.views.reading import is_readable


def flipped(content, at, bit=0):
    return content[:at] + bytes([content[at] ^ 1 << bit]) + content[at + 1 :]


def only_duckdb_stumbles(path):
    """Flip a bit of the footer that pyarrow does not mind."""
    content = path.read_bytes()
    for at in reversed(range(len(content) - 900, len(content) - 8)):
        for bit in range(8):
            path.write_bytes(flipped(content, at, bit))
            try:
                pq.read_table(path, partitioning=None)
            except (OSError, pa.ArrowException, UnicodeDecodeError):
                continue
            if not is_readable(path):
                return
    raise AssertionError("no such bit")


def break_pages(path):
    """Flip a bit of a page, so that the footer can be read and the rows cannot."""
    column = pq.read_metadata(path).row_group(0).column(1)
    content, at = path.read_bytes(), column.dictionary_page_offset
    path.write_bytes(content[:at] + b"\xff" * 20 + content[at + 20 :])
