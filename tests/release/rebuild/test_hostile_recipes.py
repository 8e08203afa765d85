"""Recipes that were made to do harm: each ends in one sentence, and nothing is written."""

import json
import math
import os
import re

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from musqa_pipeline.cli.recipe import app
from musqa_pipeline.core.errors import LakeError, MusqaError, StageError
from musqa_pipeline.core.names import below
from musqa_pipeline.release.rebuild.file import read_recipe
from musqa_pipeline.stages.degradations import random_rows
from tests.release.rebuild.small_recipe import (
    CATALOG,
    EXCERPT,
    HEAD,
    good_row,
    table_of,
    write_recipe_of,
    write_reference,
)

NESTED = "[" * 100_000 + "]" * 100_000
RANDOM_ROW = {
    "process": "r1", "kind": "random", "depth": 1, "first_id": 100, "last_id": 100,
    "first_name": "lowpass", "last_name": "lowpass",
}  # fmt: skip


@pytest.fixture(scope="module")
def row():
    return good_row()


@pytest.fixture(scope="module")
def music(tmp_path_factory):
    return write_reference(tmp_path_factory.mktemp("music"))


def files_below(folder):
    """All files, with what they hold."""
    return {p.relative_to(folder): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def replayed(file, music, out):
    return CliRunner().invoke(app, ["replay", str(file), "--references", str(music), "--out", out])


def refused(file, music, tmp_path, message):
    """Replay a recipe, and check that it ends in one sentence and touches nothing."""
    (tmp_path / "letters").mkdir()
    (tmp_path / "letters" / "dear.parquet").write_text("dear")
    (tmp_path / "work").mkdir()
    before = files_below(tmp_path)
    done = replayed(file, music, str(tmp_path / "work" / "out"))
    assert isinstance(done.exception, MusqaError), done.exception
    said = str(done.exception)
    assert re.search(message, said), said
    assert "\n" not in said
    assert len(said) < 800
    assert said.isprintable()
    assert done.exit_code == 1
    assert files_below(tmp_path) == before
    assert not (tmp_path / "work" / "out").exists()


def written_params(name, **params):
    """What makes a row a random one with these parameters."""
    text = params["text"] if "text" in params else json.dumps(params)
    return RANDOM_ROW | {"first_name": name, "last_name": name,
                         "first_params": text, "last_params": text}  # fmt: skip


BAD_CELLS = {
    "a catalog that climbs": ({"catalog": "../letters"}, r"row 1 has catalog='\.\./letters': exp"),
    "a catalog that is a path": ({"catalog": "/etc"}, "catalog='/etc': expected letters, digits"),
    "a catalog of dots": ({"catalog": ".."}, r"catalog='\.\.'"),
    "a catalog with a zero byte": ({"catalog": "a\0b"}, r"catalog='a\\x00b'"),
    "a catalog without a name": ({"catalog": ""}, "catalog=''"),
    "a catalog with a line break": ({"catalog": "a\n"}, r"catalog='a\\n'"),
    "a catalog of another alphabet": ({"catalog": "а"}, "at most 64"),
    "an excerpt that climbs": (
        {"excerpt_id": "../../letters/dear"}, r"excerpt_id='\.\./\.\./letters/dear'"),
    "an excerpt with a separator": ({"excerpt_id": "a/b"}, "excerpt_id='a/b'"),
    "an excerpt of Windows": ({"excerpt_id": "..\\x"}, "excerpt_id="),
    "an excerpt with a dot": ({"excerpt_id": "a.b"}, "excerpt_id='a.b'"),
    "an excerpt with a zero byte": ({"excerpt_id": "a\0"}, "excerpt_id="),
    "an excerpt of a megabyte": (
        {"excerpt_id": "x" * 1_000_000}, r"excerpt_id='x+'… \(1,000,000 characters\)"),
    "a row's id that climbs": ({"degraded_id": "../x"}, "degraded_id='../x'"),
    "a track that climbs": ({"track_id": "../x"}, "track_id='../x'"),
    "a title of a megabyte": ({"title": "t" * 1_000_000}, "title=.*at most 10,000 characters"),
    "another part": ({"part": "holdout"}, "part='holdout': expected one of train, validation"),
    "a label that is no number": ({"mos": math.nan}, "row 1 has mos that is no finite number"),
    "an endless label": ({"quality": math.inf}, "quality that is no finite number"),
    "a label below all": ({"mos": -3.0}, r"mos=-3.0: expected a number in \[1, 5\]"),
    "a start that is no number": ({"reference_start_s": math.nan}, "reference_start_s that is no"),
    "an endless start": ({"reference_start_s": math.inf}, "reference_start_s that is no finite"),
    "a start before the track": ({"reference_start_s": -1.0}, "reference_start_s=-1.0"),
    "a start after the track": (
        {"reference_start_s": 55.0}, "reference_start_s=55.0: expected 10 s before the track's en"),
    "an endless track": ({"track_duration_s": math.inf}, "track_duration_s that is no finite"),
    "a track of weeks": ({"track_duration_s": 1e9}, "track_duration_s=1000000000.0"),
    "a rate of nothing": ({"track_sample_rate_hz": 0}, "track_sample_rate_hz=0"),
    "a giant rate": ({"track_sample_rate_hz": 2**31 - 1}, "track_sample_rate_hz=2147483647"),
    "no channels": ({"track_channels": 0}, r"track_channels=0: expected a number in \[1, 64\]"),
    "a negative depth": ({"depth": -1}, "depth=-1"),
    "a depth of five": ({"depth": 5}, r"depth=5: expected a number in \[0, 2\]"),
    "an unknown kind": ({"kind": "magic"}, "kind='magic'"),
    "an unknown process": (
        {"depth": 1, "first_id": 999}, "first_id=999: expected one of 1 to 45, or parameters"),
    "a process under another name": (
        {"depth": 1, "first_id": 9, "first_name": "opus"}, "first_name='opus': expected mp3"),
    "a hash that is none": ({"pcm_hash": "../x"}, "pcm_hash='../x': expected 32 hexadecimal"),
    "a short hash": ({"reference_hash": "ab"}, "reference_hash='ab'"),
    "a cut-off that is no number": ({"first_cutoff_hz": math.nan}, "first_cutoff_hz that is no"),
    "brackets for parameters": (written_params("lowpass", text=NESTED[:9_000]),
                                r"lowpass has parameters .*9,000 characters.* no JSON object of"),
    "brackets without end": (written_params("lowpass", text=NESTED), "first_params="),
    "parameters that are no object": (written_params("mp3", text="[1]"), r"parameters '\[1\]'"),
    "parameters of nobody": (written_params("mp3", speed=3), "mp3 has parameters"),
    "a degradation of nobody": (written_params("magic", x=1), "'magic' is no degradation"),
    "a bitrate in words": (written_params("mp3", bitrate_kbps="9 -i x", control="default"),
                           "mp3 has bitrate_kbps='9 -i x': expected a bitrate that it takes"),
    "a bitrate that is no number": (written_params("mp3", bitrate_kbps=math.nan,
                                                   control="default"), "bitrate_kbps=nan"),
    "a control of nobody": (written_params("mp3", bitrate_kbps=96, control="-i"),
                            "control='-i': expected one of default, abr, vbr"),
    "an endless quality": (written_params("ogg", quality=math.inf, control="vbr"), "quality=inf"),
    "a filter of giant order": (written_params("lowpass", cutoff_hz=5e3, family="butterworth",
                                               order=10**9), r"order=1000000000: .*\[1, 20\]"),
    "a filter of half an order": (written_params("lowpass", cutoff_hz=5e3, family="butterworth",
                                                 order=2.5), "order=2.5"),
    "a filter without an order": (written_params("lowpass", cutoff_hz=5e3, family="butterworth"),
                                  "order=None: expected a whole number"),
    "a filter with gigabytes of taps": (
        written_params("lowpass", cutoff_hz=5e3, family="fir", stopband_db=80, transition_hz=1e-9),
        r"transition_hz=1e-09: expected a number in \[10, 20000\]"),
    "a filter of no family": (written_params("lowpass", cutoff_hz=5e3, family="__class__"),
                              "family='__class__'"),
    "a rate for resampling of nothing": (
        written_params("resample", sample_rate_hz=0, quality="VHQ"), "sample_rate_hz=0"),
    "a way of resampling that is none": (
        written_params("resample", sample_rate_hz=8e3, quality="__init__"), "quality='__init__'"),
    "a seed below nothing": (written_params("white_noise", snr_db=20, seed=-1), "seed=-1"),
    "a truth for a number": (written_params("echo", delay_ms=True, feedback_fraction=0.1,
                                            wet_fraction=0.1), "delay_ms=True"),
}  # fmt: skip


@pytest.mark.parametrize(("cells", "message"), BAD_CELLS.values(), ids=BAD_CELLS)
def test_a_row_with_a_bad_value_is_refused_with_its_field(row, music, tmp_path, cells, message):
    refused(write_recipe_of(tmp_path / "r", [row | cells]), music, tmp_path, message)


BAD_HEADS = {
    "brackets": (NESTED.encode(), "cannot be read as a recipe .*recursion"),
    "no JSON": (b"\0", "cannot be read as a recipe"),
    "no UTF-8": (b"\xff\xfe{}", "cannot be read as a recipe"),
    "a list": (b"[1]", "'list' object has no attribute 'get'"),
    "nothing": (b"", "cannot be read as a recipe"),
    "a loudness that is no number": (
        json.dumps(HEAD).replace("-23.0", "NaN").encode(), "target_lufs=nan: expected a number in"),
    "an endless loudness": (json.dumps(HEAD).replace("-23.0", "1e999").encode(), "lufs=inf"),
    "a loudness beyond floats": (
        json.dumps(HEAD).replace("-23.0", "1" + "0" * 400).encode(), "target_lufs=1000"),
    "a loudness of too many digits": (
        json.dumps(HEAD).replace("-23.0", "9" * 5000).encode(), "cannot be read as a recipe"),
    "a loudness in words": (json.dumps(HEAD).replace("-23.0", '"-23"').encode(), "lufs='-23'"),
    "a loudness of true": (json.dumps(HEAD).replace("-23.0", "true").encode(), "lufs=True"),
    "builds in a list": ({**HEAD, "builds": [1]}, r"builds=\[1\]: expected names with texts"),
    "builds of numbers": ({**HEAD, "builds": {"soxr": 1}}, "builds="),
    "a preset of numbers": ({**HEAD, "preset": 5}, "preset=5: expected a name"),
    "a format of a megabyte": ({**HEAD, "format": "9" * 1_000_000}, "has recipe format '9+'…"),
    "a writer that clears the screen": (
        {**HEAD, "format": 2, "builds": {"musqa-pipeline": "\x1b[2J"}}, r"it \('\\x1b\[2J'\), or"),
}  # fmt: skip


@pytest.mark.parametrize(("head", "message"), BAD_HEADS.values(), ids=BAD_HEADS)
def test_a_bad_head_is_refused(row, music, tmp_path, head, message):
    refused(write_recipe_of(tmp_path / "r", [row], head), music, tmp_path, message)


def test_a_row_that_is_there_twice_is_refused(row, music, tmp_path):
    file = write_recipe_of(tmp_path / "r", [row, row])
    refused(file, music, tmp_path, r"row 2 has degraded_id='.*': expected a row of its own")


def test_rows_that_say_different_things_of_a_reference_are_refused(row, music, tmp_path):
    other = row | {"degraded_id": "other", "reference_hash": "f" * 32}
    file = write_recipe_of(tmp_path / "r", [row, other])
    refused(file, music, tmp_path, "row 2 has reference_hash='f+': expected what the other rows")


@pytest.mark.parametrize(
    ("name", "kind", "value", "message"),
    [
        ("mos", pa.string(), "high", "cannot be read as a recipe .*high"),
        ("catalog", pa.list_(pa.string()), ["a"], "cannot be read as a recipe"),
        ("catalog", pa.binary(), b"\xff\xfe", "UTF8"),
        ("depth", pa.int64(), 2**40, "out of bounds|out of range|overflow|not in range"),
        ("trusted", pa.string(), "perhaps", "cannot be read as a recipe .*perhaps"),
        ("degraded_id", pa.int64(), 5, ""),
    ],
)
def test_columns_of_other_types_are_refused(row, music, tmp_path, name, kind, value, message):
    rows = [row | {name: value}]
    file = write_recipe_of(tmp_path / "r", rows, types={name: kind})
    if message:
        refused(file, music, tmp_path, message)
    else:  # a number is a name, too
        assert read_recipe(file).rows[name].to_list() == ["5"]


@pytest.mark.parametrize("name", ["catalog", "excerpt_id", "reference_hash", "mos", "depth"])
def test_a_missing_column_and_an_empty_cell_are_refused(row, music, tmp_path, name):
    without = table_of([row]).drop_columns([name])
    file = write_recipe_of(tmp_path / "r", without)
    refused(file, music, tmp_path, f"cannot be read as a recipe .*{name}")
    nothing = write_recipe_of(tmp_path / "n", [row | {name: None}])
    with pytest.raises(LakeError, match=r"null values to non-nullable|cannot be read"):
        read_recipe(nothing)


def test_a_column_that_is_there_twice_is_refused(row, music, tmp_path):
    table = table_of([row])
    file = write_recipe_of(tmp_path / "r", table.append_column("mos", table["mos"]))
    refused(file, music, tmp_path, "cannot be read as a recipe")


def test_a_claim_of_many_rows_is_refused_before_they_are_read(row, music, tmp_path, monkeypatch):
    monkeypatch.setattr("musqa_pipeline.release.rebuild.file.MOST_ROWS", 1)
    file = write_recipe_of(tmp_path / "r", [row, row | {"degraded_id": "other"}])
    refused(file, music, tmp_path, "2 rows: no set has over 1")


def test_a_text_that_stands_for_all_rows_is_not_written_out_for_each(row, music, tmp_path):
    n = 3_000
    table = table_of([row | {"degraded_id": f"d{i}"} for i in range(n)])
    titles = pa.DictionaryArray.from_arrays(pa.array([0] * n, pa.int32()), ["t" * 1_000_000])
    at = table.column_names.index("title")
    file = write_recipe_of(tmp_path / "r", table.set_column(at, "title", titles))
    assert file.stat().st_size < 1_500_000
    refused(file, music, tmp_path, r"recipe \(3,00\d,\d{3},\d{3} bytes of text: no set has over 2")


def test_what_is_no_file_is_refused_and_not_waited_for(music, tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", "/dev/zero", tmp_path):
        done = replayed(path, music, str(tmp_path / "out"))
        assert isinstance(done.exception, LakeError)
        assert "is no file; name a recipe" in str(done.exception)
    assert not (tmp_path / "out").exists()


def test_a_good_recipe_comes_back_below_its_folder_alone(row, music, tmp_path):
    file = write_recipe_of(tmp_path / "r", [row])
    out = tmp_path / "a" / "b"
    done = replayed(file, music, str(out))
    assert done.exit_code == 0, done.exception
    assert sorted(map(str, files_below(tmp_path / "a"))) == [
        "b/.lock", "b/dataset.parquet", f"b/{CATALOG}/{EXCERPT}.parquet", "b/replay.json",
    ]  # fmt: skip
    table = pq.read_table(out / CATALOG / f"{EXCERPT}.parquet")
    assert table["pcm_hash"].to_pylist() == [row["pcm_hash"]]
    again = replayed(file, music, str(out))
    assert again.exit_code == 0
    assert "1 of 1 rows of 1 references" in again.output.replace("\n", " ")


@pytest.mark.parametrize("name", ["dear.txt", "dataset.parquet", CATALOG])
def test_a_folder_that_holds_anything_else_is_left_alone(row, music, tmp_path, name):
    file, out = write_recipe_of(tmp_path / "r", [row]), tmp_path / "out"
    out.mkdir()
    (out / name).write_text("dear")
    (out / ".mine.tmp").write_text("not musqa's")
    done = replayed(file, music, str(out))
    assert isinstance(done.exception, StageError)
    assert "holds other files" in str(done.exception)
    assert (out / name).read_text() == "dear"
    assert (out / ".mine.tmp").read_text() == "not musqa's"


def test_a_folder_of_another_recipe_is_left_alone(row, music, tmp_path):
    out = tmp_path / "out"
    first = write_recipe_of(tmp_path / "r", [row])
    assert replayed(first, music, str(out)).exit_code == 0
    before = files_below(out)
    other = write_recipe_of(tmp_path / "o", [row | {"mos": 3.0}])
    done = replayed(other, music, str(out))
    assert isinstance(done.exception, StageError)
    assert "holds another replay: of another recipe; name a new folder" in str(done.exception)
    assert files_below(out) == before


def test_a_link_that_leads_out_of_the_folder_is_not_followed(row, music, tmp_path):
    file, out, letters = write_recipe_of(tmp_path / "r", [row]), tmp_path / "out", tmp_path / "l"
    letters.mkdir()
    (letters / f"{EXCERPT}.parquet").write_text("dear")
    (letters / "dataset.parquet").write_text("dear")
    assert replayed(file, music, str(out)).exit_code == 0
    mark = (out / "replay.json").read_bytes()
    for path in (out / CATALOG).iterdir():
        path.unlink()
    (out / CATALOG).rmdir()
    (out / CATALOG).symlink_to(letters)
    done = replayed(file, music, str(out))
    assert isinstance(done.exception, LakeError)
    assert re.search(rf"{CATALOG} is a link that leads out of .*out; remove", str(done.exception))
    (out / CATALOG).unlink()
    (out / "dataset.parquet").unlink()
    (out / "dataset.parquet").symlink_to(letters / "dataset.parquet")
    assert replayed(file, music, str(out)).exit_code == 0
    assert not (out / "dataset.parquet").is_symlink()
    assert {p.read_text() for p in letters.iterdir()} == {"dear"}
    (out / ".lock").unlink()
    (out / ".lock").symlink_to(letters / "new")
    done = replayed(file, music, str(out))
    assert isinstance(done.exception, LakeError)
    assert "cannot lock" in str(done.exception)
    assert not (letters / "new").exists()
    assert (out / "replay.json").read_bytes() == mark


@pytest.mark.parametrize(
    "parts", [("..", "x"), ("a", ".."), ("/etc", "x"), ("a/b",), ("a\\b",), ("",), (".x",), ("\0",)]
)
def test_no_part_of_a_path_leads_anywhere_else(tmp_path, parts):
    with pytest.raises(LakeError, match="cannot name a file below"):
        below(tmp_path, *parts)


def test_a_loop_of_links_is_no_way(tmp_path):
    (tmp_path / "a").symlink_to(tmp_path / "a")
    with pytest.raises(LakeError, match="is a link that leads out"):
        below(tmp_path, "a", "x")
    assert below(tmp_path, "b", "x.parquet") == tmp_path / "b" / "x.parquet"


def test_what_is_drawn_lies_within_what_may_be_written_down():
    for seed in range(300):
        drawn = random_rows.draw_random("e", 4, seed=seed, cascade_fraction=0.3)
        for process in (process for both in drawn for process in both):
            text = random_rows.params_json(process)
            assert random_rows.process_of(process.name, text) == process
    for name, degradation in random_rows.DEGRADATIONS.items():
        for seed in range(50):
            params = degradation.draw(random_rows.derive_generator("tests", name, seed))
            process = random_rows.numbered(name, params)
            assert random_rows.process_of(name, random_rows.params_json(process)) == process


def test_filters_that_no_parameters_make_are_told_of_and_not_written(row, music, tmp_path):
    cells = written_params("lowpass", cutoff_hz=5e3, family="chebyshev1", order=4, ripple_db=20.0)
    file = write_recipe_of(tmp_path / "r", [row | cells])
    done = replayed(file, music, str(tmp_path / "out"))
    assert isinstance(done.exception, StageError)
    assert f"{EXCERPT}: a process cannot be made (" in str(done.exception)
    assert not (tmp_path / "out" / CATALOG).exists()
