"""What the command line prints and how it ends, without a run."""

from __future__ import annotations

import json
import os
import pydoc
import shutil
import subprocess
import sys

import duckdb
import pytest

from musqa_pipeline.catalogs.known import add_catalog
from musqa_pipeline.cli import output
from musqa_pipeline.core.errors import SettingsError
from musqa_pipeline.core.workers.local import LocalPool
from musqa_pipeline.stages.engine.run_costs import COUNTS
from musqa_pipeline.stages.views.duck import database_path


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A `MUSQA_HOME` outside of any checkout, with a database that has no views."""
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MUSQA_HOME", str(home))
    duckdb.connect(str(database_path(home))).close()
    return home


def musqa(*arguments):
    command = [sys.executable, "-m", "musqa_pipeline.cli", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


VALUES = "SELECT [1, 2] a, 'x'::BLOB b, 'nan'::FLOAT c, sum(2::HUGEINT) d, DATE '2024-01-02' e"


def test_query_prints_values_that_json_and_csv_have_no_form_for(home):
    strict = musqa("query", VALUES, "--json")
    row = json.loads(strict.stdout, parse_constant=pytest.fail)
    assert row == {"a": [1, 2], "b": "eA==", "c": None, "d": 2, "e": "2024-01-02"}
    assert musqa("query", VALUES, "--csv").stdout.splitlines()[1].startswith('"[1, 2]",eA==,NaN,2')
    assert "(1 bytes)" in musqa("query", VALUES).stdout


def test_headings_can_be_pasted_into_the_next_query(home):
    columns = 'count(*), 1 AS mos, 2 AS "order", 3 AS "a ""b""", 4 AS Mos_LQO'
    head = musqa("query", f"SELECT {columns}").stdout.splitlines()[0]
    again = musqa("query", f"SELECT {', '.join(head.split('  '))} FROM (SELECT {columns})")
    assert again.stdout.splitlines()[0] == head
    assert head.split("  ") == ['"count_star()"', "mos", '"order"', '"a ""b"""', "Mos_LQO"]


def test_long_lists_are_folded_and_rows_are_not(home):
    sql = "SELECT range(9) AS long, range(8) AS short, repeat('x', 500) AS wide"
    _, row = musqa("query", sql).stdout.splitlines()
    assert row.startswith("[0, 1, 2, … 9 values]  [0, 1, 2, 3, 4, 5, 6, 7]  xxx")
    assert row.endswith("x" * 500)
    assert json.loads(musqa("query", sql, "--json").stdout)["long"] == list(range(9))


@pytest.mark.parametrize(
    ("n_rows", "n_letters", "is_paged"), [(3, 9, False), (30, 9, True), (3, 90, True)]
)
def test_what_leaves_the_terminal_is_paged(monkeypatch, capsys, n_rows, n_letters, is_paged):
    paged = []
    monkeypatch.setattr(pydoc, "pager", paged.append)
    monkeypatch.setattr(shutil, "get_terminal_size", lambda: os.terminal_size((80, 24)))
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    rows = [{"name": "x" * n_letters}] * n_rows
    output.long_table(rows, {"name": '"name"'}, empty="no rows")
    text = "".join(paged) if is_paged else capsys.readouterr().out
    assert bool(paged) == is_paged
    assert text.count("x" * n_letters) == n_rows
    assert "\x1b[1m" in text  # the heading


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["SELEC 1"], 1, "syntax error"),
        (["SELECT * FROM read_csv('/not/there.csv')"], 1, "query failed: IO Error: No files found"),
        ([""], 0, ""),
        (["SELECT 1", "--json", "--csv"], 2, "not both"),
    ],
)
def test_a_query_that_cannot_be_answered_ends_without_a_traceback(home, arguments, code, said):
    ended = musqa("query", *arguments)
    assert ended.returncode == code
    assert said in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_catalog_that_is_gone_does_not_hide_the_others(home, tmp_path):
    for name in ("gone", "there"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.wav").write_bytes(b"x")
        add_catalog(home, tmp_path / name)
    (tmp_path / "gone" / "a.wav").unlink()
    (tmp_path / "gone").rmdir()
    listed = musqa("catalog", "list", "--json")
    gone, there = map(json.loads, listed.stdout.splitlines())
    assert (gone["files"], there["files"], there["problem"]) == (None, 1, None)
    assert "does not exist" in gone["problem"]
    status = musqa("status")
    assert "preset demo sees no catalog (known: gone, there)" in status.stdout


def test_a_catalog_is_removed_by_name(home, tmp_path):
    (tmp_path / "one").mkdir()
    (tmp_path / "one" / "a.wav").write_bytes(b"x")
    add_catalog(home, tmp_path / "one")
    said = musqa("catalog", "remove", "one").stdout
    assert said == f"catalog one is out: 0 units retired, {tmp_path / 'one'} as it was\n"
    again = musqa("catalog", "remove", "one")
    assert (again.returncode, "catalog 'one' is unknown (known: none)" in again.stderr) == (1, True)


@pytest.mark.parametrize("value", ["two", "0", "-1"])
def test_a_wrong_number_of_workers_is_named(monkeypatch, value):
    monkeypatch.setenv("MUSQA_WORKERS", value)
    with pytest.raises(SettingsError, match=f"MUSQA_WORKERS='{value}': expected a number"):
        LocalPool()


def test_stages_that_had_nothing_to_do_are_named_on_one_line(capsys):
    nothing = dict.fromkeys(COUNTS, 0) | {"catalog": "", "seconds": 0.01}
    reports = [
        nothing | {"stage": "labels", "catalog": "demo", "units": 24},
        nothing | {"stage": "gans"},
        nothing | {"stage": "gains", "catalog": "demo"},
        nothing | {"stage": "gains", "catalog": "mine"},
        nothing | {"stage": "tracks", "quarantined": 1},
    ]
    output.stage_reports(reports, as_json=False)
    *rows, blank, last = capsys.readouterr().out.splitlines()
    assert [row.split()[0] for row in rows] == ["stage", "labels", "tracks"]
    assert (blank, last) == ("", "nothing to do for this preset: gans, gains")
    output.stage_reports(reports, as_json=True)
    assert len(capsys.readouterr().out.splitlines()) == len(reports)
    output.stage_reports(reports[1:4], as_json=False)
    assert capsys.readouterr().out == "nothing to do\n"
