"""Tables: which column a name stands for."""

import pytest

from musqa_pipeline.core.csv_files import read_rows
from musqa_pipeline.core.errors import SettingsError


@pytest.mark.parametrize(
    ("renamed", "row"),
    [
        ({}, {"file": "x", "predicted": "1", "mos": "2"}),
        ({"predicted": "mos"}, {"file": "x", "predicted": "2"}),
        ({"predicted": "mos", "mos": "predicted"}, {"file": "x", "mos": "1", "predicted": "2"}),
        (
            {"page": "file", "file": "file"},
            {"page": "x", "file": "x", "predicted": "1", "mos": "2"},
        ),
    ],
)
def test_a_column_that_is_mapped_wins(tmp_path, renamed, row):
    path = tmp_path / "t.csv"
    path.write_text("file,predicted,mos\nx,1,2\n")
    header, rows = read_rows(path, renamed)
    assert rows == [row]
    assert header.count("predicted") == 1
    assert set(header) == set(row)


@pytest.mark.parametrize(
    ("header", "renamed", "name"),
    [("file,mos,mos", {}, "mos"), ("file, a,a ", {"mos": "a"}, "mos")],
)
def test_two_columns_of_one_name_are_refused(tmp_path, header, renamed, name):
    path = tmp_path / "t.csv"
    path.write_text(f"{header}\nx,1,2\n")
    with pytest.raises(SettingsError, match=rf"t\.csv has more than one column {name}; rename or"):
        read_rows(path, renamed)


def test_columns_without_a_name_are_none(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("file,,\nx,,\n")
    assert read_rows(path)[1] == [{"file": "x", "": ""}]
