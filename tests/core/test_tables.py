import pyarrow as pa
import pytest

from musqa_pipeline.core.tables import Column, Table
from musqa_pipeline.stages.views.duck import VIEWS, view_columns

THINGS = Table(
    "things",
    "a thing",
    (
        Column("name", pa.string(), "its name"),
        Column("size_s", pa.float64(), "its size in seconds", nullable=True),
    ),
)
UNITS = ("_s", "_hz", "_kbps", "_db", "_lufs", "_dbtp", "_samples", "_bytes", "_json")


def test_rows_become_a_table_of_exactly_the_schema():
    table = THINGS.from_rows([{"name": "a", "size_s": 1.5}, {"name": "b"}])
    assert table.schema.equals(THINGS.schema)
    assert table.to_pydict() == {"name": ["a", "b"], "size_s": [1.5, None]}


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"name": "a", "sise_s": 1}, r"unknown keys \['sise_s'\]"),
        ({"size_s": 1.0}, r"no value for \['name'\]"),
        ({"name": None}, r"no value for \['name'\]"),
    ],
)
def test_rows_that_do_not_fit_are_refused(row, message):
    with pytest.raises(ValueError, match=message):
        THINGS.from_rows([row])


@pytest.mark.parametrize("name", VIEWS)
def test_every_column_has_a_meaning_and_a_name_that_sql_takes_unquoted(name):
    import duckdb

    with duckdb.connect() as connection:
        for column in view_columns(VIEWS[name]):
            assert len(column.doc) > 5, column.name
            connection.execute(f"CREATE OR REPLACE TABLE t ({column.name} INT)")
            connection.execute(f"SELECT {column.name} FROM (SELECT 1) t({column.name})")


@pytest.mark.parametrize("name", VIEWS)
def test_a_column_of_seconds_hertz_or_decibels_says_so_in_its_name(name):
    words = {"seconds": "_s", "hertz": "_hz", "kbit/s": "_kbps", "LUFS": "_lufs", "in dB": "_db"}
    for column in VIEWS[name].columns:
        for word, suffix in words.items():
            if word in column.doc and column.type in (pa.float64(), pa.int32()):
                assert any(column.name.endswith(s) for s in (suffix, *UNITS)), column.name
