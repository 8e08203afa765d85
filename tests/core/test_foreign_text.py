"""Text of others on a terminal, in JSON, in spreadsheets and in Markdown."""

import ast
import csv
import io
import json
import logging
import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import duckdb
import numpy as np
import polars as pl
import pytest
import soundfile
import typer
from rich.console import Console
from typer.testing import CliRunner

from musqa_pipeline.catalogs.equalised import write_equalised_catalog
from musqa_pipeline.catalogs.folder import Source
from musqa_pipeline.catalogs.readers.folder import read_folder
from musqa_pipeline.cli import output, scan
from musqa_pipeline.cli.app import _Shown
from musqa_pipeline.cli.query import query
from musqa_pipeline.cli.score_table import ScoreTable
from musqa_pipeline.core import csv_files, progress
from musqa_pipeline.core.csv_files import guarded, read_rows, unguarded, write_csv, write_rows
from musqa_pipeline.core.foreign_text import LINES, json_text, markdown_text, printable
from musqa_pipeline.release.model.attribution import attribution_markdown
from musqa_pipeline.scoring.batch import Result
from musqa_pipeline.scoring.gate import read_baseline, write_baseline
from tests import ROOT

HOSTILE = "\x1b[2J\x1b]0;owned\x07 :smile: :x: [bold]b[/bold] \x9b31m \u202egpj\x7f"
query_app = typer.Typer()
query_app.command()(query)
FORBIDDEN = "\x1b\x07\x9b\u202e\x7f"


def obeyed(text):
    """What of a text a terminal would obey or turn into something else."""
    return [c for c in FORBIDDEN + "😄❌" if c in text]


def test_control_characters_are_escapes_and_letters_stay():
    assert printable("café – 音楽 🎵 a\u0301") == "café – 音楽 🎵 a\u0301"
    assert printable("a\x1b[2Jb\x07\n") == r"a\x1b[2Jb\x07\n"
    assert printable("a\nb\tc\r", LINES) == "a\nb\tc\\r"
    assert printable("\u202e\u200f\x9b") == r"\u202e\u200f\x9b"
    assert printable(b"\xff\xc3\xa9") == printable("\udcffé") == r"\xffé"
    assert printable("\ud800") == r"\ud800"


def test_json_shows_nothing_that_a_terminal_obeys_and_loses_nothing():
    value = {HOSTILE: [HOSTILE, "é音🎵", None, 1.5]}
    assert json.loads(json_text(value)) == value
    assert obeyed(json_text(value)) == []
    assert "é音🎵" in json_text(value)
    assert json.loads(json_text(value, indent=1)) == value


def as_shown(capsys, monkeypatch, *, tty):
    monkeypatch.setattr(sys.stdout, "isatty", lambda: tty, raising=False)
    output.table([{HOSTILE: HOSTILE}], [HOSTILE], as_json=False, empty="")
    output.table([{HOSTILE: HOSTILE}], [HOSTILE], as_json=True, empty="")
    output.emit({"a": HOSTILE}, HOSTILE, as_json=False)
    output.emit({"a": HOSTILE}, HOSTILE, as_json=True)
    output.say(HOSTILE, err=True)
    return capsys.readouterr()


@pytest.mark.parametrize("tty", [True, False])
def test_tables_lines_and_errors_are_shown_as_they_are_and_not_obeyed(capsys, monkeypatch, tty):
    monkeypatch.setenv("COLUMNS", "400")
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("TERM", "dumb")
    shown = as_shown(capsys, monkeypatch, tty=tty)
    assert obeyed(shown.out) == obeyed(shown.err) == []
    assert shown.out.count(":smile: :x: [bold]b[/bold]") == 6
    assert shown.out.count(r"\x1b[2J") == 3
    assert r"\x1b[2J" in shown.err


def test_csv_is_escaped_on_a_terminal_and_whole_in_a_file(capsys, monkeypatch):
    text = output.csv_text(pl.DataFrame({"a": [HOSTILE]}))
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    output.data(text, nl=False)
    assert obeyed(capsys.readouterr().out) == []
    monkeypatch.setattr(sys.stdout, "isatty", lambda: False, raising=False)
    output.data(text, nl=False)
    assert capsys.readouterr().out == f"a\n{HOSTILE}\n"


def test_progress_and_the_log_are_not_obeyed(monkeypatch):
    lines = []
    with progress.StageProgress(f"labels {HOSTILE}", 1, log=lines.append) as shown:
        shown.advance()
    assert len(lines) == 1
    assert obeyed(lines[0]) == []
    text = io.StringIO()
    monkeypatch.setattr(
        progress, "Console", lambda **_: Console(file=text, force_terminal=False, width=200)
    )
    bar = progress.terminal_bar("{task.description}")
    bar.add_task(":smile: [bold]b[/bold]", total=1, note=":x: [red]r[/red]")
    bar.refresh()
    bar.console.print(bar.get_renderable())
    assert ":smile: [bold]b[/bold]" in text.getvalue()
    assert ":x: [red]r[/red]" in text.getvalue()
    record = logging.LogRecord("musqa_pipeline", 20, "f", 1, f"one\ntwo {HOSTILE}", (), None)
    assert obeyed(_Shown("%(message)s").format(record)) == []
    assert _Shown("%(message)s").format(record).startswith("one\ntwo ")


def test_scores_show_no_more_than_names_and_reasons(capsys, monkeypatch):
    monkeypatch.setenv("NO_COLOR", "1")
    for on_terminal in (False, True):
        text = io.StringIO()
        console = Console(file=text, force_terminal=on_terminal, color_system=None, width=400)
        table = ScoreTable(console=console)
        table.add(Result(f"{HOSTILE}.wav", None, f"no audio in {HOSTILE}"))
        table.add(Result("a\nb.wav", None, "two\nlines"))
        head, *lines = text.getvalue().splitlines()
        assert [obeyed(line) for line in (head, *lines)] == [[]] * len([head, *lines])
        assert len(lines) == (4 if on_terminal else 2)
        assert text.getvalue().count(r"\x1b[2J") >= 1
        assert r"no audio in" in text.getvalue()


def test_a_command_that_fails_shows_foreign_text_harmlessly(tmp_path):
    command = [
        *(sys.executable, "-m", "musqa_pipeline.cli", "recipe", "replay"),
        *(f"{tmp_path}/\x1b[2J:smile:\x07", "--references", tmp_path, "--out", tmp_path),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert obeyed(done.stderr) == []
    assert r"\x1b[2J:smile:\x07" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_query_draws_no_pictures_and_rings_no_bells(tmp_path, monkeypatch):
    duckdb.connect(tmp_path / "musqa.duckdb").close()
    monkeypatch.setenv("MUSQA_HOME", str(tmp_path))
    sql = "SELECT ':smile: :x: [red]r[/red]' AS \":smile:\", 'x' || chr(27) || '[2J' || chr(7) AS b"
    table, js, text = (CliRunner().invoke(query_app, [sql, *option]).output
                       for option in ([], ["--json"], ["--csv"]))  # fmt: skip
    assert table.splitlines()[0].split() == ['":smile:"', "b"]
    assert table.splitlines()[1].split("  ") == [":smile: :x: [red]r[/red]", r"x\x1b[2J\x07"]
    assert obeyed(table) == obeyed(js) == []
    assert json.loads(js)["b"] == "x\x1b[2J\x07"
    assert text == ":smile:,b\n:smile: :x: [red]r[/red],x\x1b[2J\x07\n"


def printing(source):
    """Lines that print past `cli/output.py`."""
    lines = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call):
            name = ast.unparse(node.func)
            names = {"print", "typer.echo", "typer.secho", "click.echo", "Console"}
            if name in names or name.endswith("console.print"):
                lines.append(node.lineno)
    return lines


def test_whatever_is_printed_goes_through_one_place():
    places = {
        str(path.relative_to(ROOT / "musqa_pipeline"))
        for path in (ROOT / "musqa_pipeline").rglob("*.py")
        if printing(path.read_text("utf-8"))
    }
    assert places == {
        "cli/output.py",
        "core/progress.py",
        "cli/scan.py",  # beside a bar of its own
        "learning/gan/networks.py",  # two counts, and no foreign text
    }
    assert printing("x\ntyper.echo(a)\nprint(b)\n") == [2, 3]


CELLS = {
    "=1+1": "'=1+1",
    "+x": "'+x",
    "-x.wav": "'-x.wav",
    "@SUM(A1)": "'@SUM(A1)",
    "\t=1": "'\t=1",
    "\r=1": "'\r=1",
    "'=1": "''=1",
    "''=1": "'''=1",
    "-3.2": "-3.2",
    "+1e-5": "+1e-5",
    "-.5": "-.5",
    "-3.2.1": "'-3.2.1",
    "'Round Midnight": "'Round Midnight",
    "a=b": "a=b",
    "": "",
}


@pytest.mark.parametrize(("text", "written"), CELLS.items())
def test_a_text_that_a_spreadsheet_would_run_is_guarded_and_comes_back(text, written):
    assert guarded(text) == written
    assert unguarded(written) == text


def test_numbers_stay_numbers_and_headers_are_guarded():
    texts, numbers, lists = ["=x", None, "-3.2"], [-3.2, None, 1.0], [["=1"], None, []]
    frame = pl.DataFrame({"=a": texts, "n": numbers, "l": lists, "b": [b"", b"", b""]})
    rows = list(csv.reader(io.StringIO(output.csv_text(frame))))
    assert rows[0] == ["'=a", "n", "l", "b"]
    assert rows[1] == ["'=x", "-3.2", '["=1"]', ""]
    assert rows[2] == ["", "", "", ""]
    assert rows[3][:2] == ["-3.2", "1.0"]


def test_a_table_that_musqa_writes_and_reads_comes_back(tmp_path):
    rows = [{"file": text, "mos": -3.2} for text in CELLS if text and text == text.strip()]
    write_rows(tmp_path / "a.csv", rows)
    header, found = read_rows(tmp_path / "a.csv")
    assert header == ["file", "mos"]
    assert [row["file"] for row in found] == [row["file"] for row in rows]
    assert {row["mos"] for row in found} == {"-3.2"}
    raw = (tmp_path / "a.csv").read_text()
    assert "\n=1+1" not in raw
    assert "'=1+1" in raw


def test_a_baseline_of_odd_names_holds_for_the_same_names(tmp_path):
    names = [text for text in CELLS if text and text == text.strip()]
    score = SimpleNamespace(mos=3.5, model="m 1")
    write_baseline(tmp_path / "b.csv", [Result(name, score) for name in names])
    assert read_baseline(tmp_path / "b.csv", "m 1") == dict.fromkeys(names, 3.5)
    assert "\n=1+1" not in (tmp_path / "b.csv").read_text()


def test_a_tracks_csv_of_ours_says_the_same_when_it_is_read(tmp_path):
    music, copies = tmp_path / "music", tmp_path / "copies"
    music.mkdir()
    rng = np.random.default_rng(1)
    for name in ("=a.wav", "-b.wav"):
        soundfile.write(music / name, 0.1 * rng.standard_normal(48_000), 48_000)
    lines = ["file,recording,title,artist", "=a.wav,=r 1,@t,+x", "'-b.wav,-r 2,'=t,"]
    (music / "tracks.csv").write_text("\n".join(lines) + "\n")
    assert write_equalised_catalog(music, copies, log=lambda line: None) == 2
    raw = (copies / "tracks.csv").read_text()
    assert not re.search(r"(^|[,\n])[=+@-]", raw)
    of = {}
    for folder in (music, copies):
        for entry in read_folder(Source(folder)).entries:
            assert entry.path.is_file()
            of[entry.file] = (entry.metadata["recording"], entry.metadata["artist"])
    assert of == {
        "=a.wav": ("=r 1", "+x"), "=a-eq0.flac": ("=r 1", "+x"),
        "-b.wav": ("-r 2", ""), "-b-eq0.flac": ("-r 2", ""),
    }  # fmt: skip


def test_the_list_of_recordings_of_a_release_has_no_tags_of_others():
    row = {"file": "a.flac", "title": "<script>", "artist": "[x](y)", "licence": "CC0 | x",
           "origin": "https://a/b_c"}  # fmt: skip
    line = attribution_markdown(pl.DataFrame([row])).splitlines()[2]
    assert line == r"| &lt;script&gt; | \[x\](y) | CC0 \| x | https://a/b_c |"


def test_a_line_beside_the_bar_of_a_scan_is_not_obeyed():
    text, shown = io.StringIO(), scan._Shown()
    shown._bar = SimpleNamespace(console=Console(file=text, width=200, force_terminal=True))
    shown.say(f"{HOSTILE} is set aside")
    assert obeyed(text.getvalue()) == []
    assert ":smile: :x: [bold]b[/bold]" in text.getvalue()


def test_every_table_is_written_by_the_guard():
    own = [p for p in (ROOT / "musqa_pipeline").rglob("*.py") if p != Path(csv_files.__file__)]
    writing = [p.name for p in own if "csv.writer" in (t := p.read_text()) or "DictWriter" in t]
    assert writing == []
    text = io.StringIO()
    write_csv(text, [["a", "b"], ["=1", -2.5], [None, True]])
    assert text.getvalue() == "a,b\n'=1,-2.5\n,True\n"


def test_markdown_has_no_tags_links_or_marks_of_others():
    hostile = '<img src=x onerror="a()"> [a](http://b) ![c](d) `e` **f** | g\n# h & <!-- ~~i~~ \\'
    said = markdown_text(hostile)
    assert said == (
        '&lt;img src=x onerror="a()"&gt; \\[a\\](http://b) !\\[c\\](d) \\`e\\` \\*\\*f\\*\\* \\| g '
        "# h &amp; &lt;!-- \\~\\~i\\~\\~ \\\\"
    )
    assert markdown_text("my_song_2.flac") == "my_song_2.flac"
    assert markdown_text("_em_ \x1b") == r"\_em\_ \\x1b"
    assert markdown_text(5) == "5"
