"""The checksum of a table follows from its values, and from all of them."""

import datetime

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from musqa_pipeline.storage.fragments.checksum import CHECKSUM_KEY, TableChecksum, table_checksum
from musqa_pipeline.storage.fragments.partition import Partition

TYPES = {
    "n": (pa.int64(), st.integers(-(2**40), 2**40)),
    "x": (pa.float32(), st.floats(width=32, allow_nan=False)),
    "yes": (pa.bool_(), st.booleans()),
    "text": (pa.string(), st.text(max_size=5)),
    "bytes": (pa.binary(), st.binary(max_size=5)),
    "large": (pa.large_string(), st.text(max_size=3)),
    "when": (pa.timestamp("ms"), st.integers(0, 2**40).map(lambda n: n)),
    "list": (pa.list_(pa.float64()), st.lists(st.none() | st.floats(allow_nan=False), max_size=3)),
    "texts": (pa.list_(pa.string()), st.lists(st.text(max_size=3), max_size=3)),
    "nested": (pa.list_(pa.list_(pa.int32())), st.lists(st.lists(st.integers(0, 9), max_size=2))),
    "pair": (
        pa.struct([("a", pa.int8()), ("b", pa.string())]),
        st.fixed_dictionaries({"a": st.none() | st.integers(0, 9), "b": st.text(max_size=2)}),
    ),
}
ROWS = st.lists(
    st.fixed_dictionaries({name: st.none() | values for name, (_, values) in TYPES.items()}),
    max_size=6,
)


def table_of(rows):
    return pa.Table.from_pylist(
        rows, pa.schema([(name, kind) for name, (kind, _) in TYPES.items()])
    )


@settings(max_examples=40, deadline=None)
@given(rows=ROWS, cut=st.integers(0, 6))
def test_pieces_slices_and_parquet_change_nothing(rows, cut):
    table = table_of(rows)
    expected = table_checksum(table)
    pieces = TableChecksum(table.schema)
    for piece in (table.slice(0, cut), table.slice(cut)):
        pieces.update(piece)
    assert pieces.hexdigest() == expected
    padded = table_of([*rows, *rows]).slice(len(rows))
    assert table_checksum(padded) == expected
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, row_group_size=2, compression="zstd")
    assert table_checksum(pq.read_table(pa.BufferReader(sink.getvalue()))) == expected


@settings(max_examples=40, deadline=None)
@given(rows=ROWS.filter(len), data=st.data())
def test_any_other_value_is_another_checksum(rows, data):
    at = data.draw(st.integers(0, len(rows) - 1))
    name = data.draw(st.sampled_from(sorted(TYPES)))
    value = data.draw((st.none() | TYPES[name][1]).filter(lambda v: v != rows[at][name]))
    changed = [*rows[:at], {**rows[at], name: value}, *rows[at + 1 :]]
    assert table_checksum(table_of(changed)) != table_checksum(table_of(rows))


def test_boundaries_names_order_and_types_count():
    sums = {
        table_checksum(pa.table(columns))
        for columns in (
            {"a": ["xy", "z"]},
            {"a": ["x", "yz"]},
            {"a": ["xyz"]},
            {"b": ["xy", "z"]},
            {"a": pa.array(["xy", "z"], pa.binary())},
            {"a": [["x", "y"], ["z"]]},
            {"a": [["x"], ["y", "z"]]},
            {"a": ["z", "xy"]},
            {"a": ["xy", "z"], "b": [None, None]},
            {"a": ["xy", "z", None]},
        )
    }
    assert len(sums) == 10


def test_the_values_under_nulls_and_the_metadata_do_not_count():
    visible = pa.array([1, 2, 3], mask=np.array([False, True, False]))
    other = pa.array([1, 9, 3], mask=np.array([False, True, False]))
    assert table_checksum(pa.table({"a": visible})) == table_checksum(pa.table({"a": other}))
    table = pa.table({"a": [1]})
    assert table_checksum(table.replace_schema_metadata({"k": "v"})) == table_checksum(table)


def test_it_is_the_same_for_ever():
    table = pa.table(
        {
            "n": [1, None],
            "text": ["a", "bc"],
            "list": [[0.5], None],
            "when": pa.array([datetime.datetime(2026, 1, 2), None], pa.timestamp("ms")),
        }
    )
    assert table_checksum(table) == "e646b15af8d7a9d9028b21937479d944"


@pytest.mark.parametrize("compression", ["zstd", "none"])
def test_every_fragment_carries_it(lake, compression):
    table = pa.table({"a": [1, 2, 3]})
    path = lake.write(
        Partition("labels", "f" * 32, "c"), "u", table, row_group_rows=1, compression=compression
    )
    assert pq.read_metadata(path).metadata[CHECKSUM_KEY].decode() == table_checksum(table)
