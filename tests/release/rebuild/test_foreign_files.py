"""Recipes that somebody else made, or damaged."""

import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from musqa_pipeline.core.errors import LakeError
from musqa_pipeline.release.rebuild.checking import RECIPE
from musqa_pipeline.release.rebuild.file import FORMAT, HEAD_KEY, read_recipe

HEAD = {
    "preset": "p", "settings": {"excerpts": {"target_lufs": -23.0}}, "fingerprints": {},
    "builds": {}, "format": FORMAT,
}  # fmt: skip


def write(path, table, head):
    table = table.replace_schema_metadata({HEAD_KEY: json.dumps(head).encode()})
    pq.write_table(table, path)
    return path


def one_row(**columns):
    rows = {f.name: pa.nulls(1, f.type) for f in RECIPE.schema} | columns
    return pa.table([rows[name] for name in RECIPE.schema.names], names=RECIPE.schema.names)


def test_text_that_is_no_utf_8_is_refused(tmp_path):
    offsets, text = pa.array([0, 2], pa.int32()).buffers()[1], pa.py_buffer(b"\xff\xfe")
    broken = pa.StringArray.from_buffers(1, offsets, text)
    path = write(tmp_path / "r", one_row(title=broken), HEAD)
    with pytest.raises(LakeError, match=r"cannot be read as a recipe .*UTF8.*export it again"):
        read_recipe(path)


def test_a_row_without_what_every_row_has_is_refused(tmp_path):
    path = write(tmp_path / "r", one_row(), HEAD)
    with pytest.raises(LakeError, match="null values to non-nullable"):
        read_recipe(path)


@pytest.mark.parametrize(
    ("head", "message"),
    [
        ([1], "'list' object has no attribute 'get'"),
        ({**HEAD, "settings": {}}, "settings.excerpts.target_lufs=None: expected a number"),
        ({**HEAD, "settings": 5}, "settings.excerpts.target_lufs=None: expected a number"),
        ({**HEAD, "more": 1}, "unexpected keyword argument"),
    ],
)
def test_a_head_of_another_kind_is_refused(tmp_path, head, message):
    path = write(tmp_path / "r", RECIPE.schema.empty_table(), head)
    with pytest.raises(LakeError, match=f"cannot be read as a recipe .*{message}"):
        read_recipe(path)


def test_a_damaged_footer_is_refused(tmp_path):
    data = bytearray(write(tmp_path / "r", RECIPE.schema.empty_table(), HEAD).read_bytes())
    data[-200:-150] = bytes(50)
    (tmp_path / "r").write_bytes(data)
    with pytest.raises(LakeError, match="cannot be read as a recipe"):
        read_recipe(tmp_path / "r")
