"""`musqa score` and `musqa gate`: what they print and how they end."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import subprocess
import sys

import numpy as np
import pytest
from rich.console import Console
from typer.testing import CliRunner

from musqa_pipeline.cli import score_text
from musqa_pipeline.cli.app import command_line
from musqa_pipeline.cli.score_table import ScoreTable
from musqa_pipeline.core.errors import ModelError
from musqa_pipeline.scoring.score import Score
from tests.audio.sounds import noise, write
from tests.scoring.small_model import write_model

RATE_HZ = 16_000


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("score me")
    write_model(folder / "small.onnx")
    music = noise(11, rate_hz=RATE_HZ, channels=2)
    (folder / "music").mkdir()
    write(folder / "music" / "a café.wav", music, RATE_HZ)
    write(folder / "silence.wav", 0 * music, RATE_HZ)
    (folder / "broken.flac").write_bytes(b"fLaC nothing")
    return folder


@pytest.fixture
def run(folder, monkeypatch):
    """Run a command in this process; returns exit code, standard output and error."""
    monkeypatch.chdir(folder)
    monkeypatch.setenv("MUSQA_MODEL", "small.onnx")
    return lambda *words, **settings: CliRunner().invoke(command_line(words[0]), words, **settings)


def test_a_file_gets_a_line(run):
    ended = run("score", "music/a café.wav", "--no-causes")
    assert (ended.exit_code, ended.stderr) == (0, "")
    header, line = ended.stdout.splitlines()
    assert line.startswith("music/a café.wav  ")
    mos, interval, *_ = line.removeprefix("music/a café.wav").split()
    low, high = map(float, interval.split("-"))
    assert low < float(mos) < high
    assert line[header.index("word") :].startswith("bad ")
    for unit in ("score", "kHz", "LUFS", "dBTP"):
        end = header.index(unit) + len(unit)
        assert re.match(r"-?[0-9.]+$", line[:end].split()[-1])
        assert line[end : end + 1] in (" ", "")


def test_json_has_all_that_is_known(run):
    ended = run("score", "music", "--json", "--hop", "1")
    (found,) = map(json.loads, ended.stdout.splitlines())
    assert list(found)[:4] == ["file", "mos", "mos_low", "mos_high"]
    assert set(found) == {"file", *Score.__dataclass_fields__, "error"}
    assert (found["file"], found["error"]) == ("music/a café.wav", None)
    assert [w["start_s"] for w in found["windows"]] == pytest.approx([0, 1], abs=0.01)
    assert found["bandwidth_hz"] <= RATE_HZ / 2


def test_odd_files_get_rows_a_summary_and_an_exit_code(run):
    ended = run(
        "score", "silence.wav", "broken.flac", "music/a café.wav", "none.wav", "--csv",
        "--no-causes",
    )  # fmt: skip
    assert ended.exit_code == 1
    assert ended.stderr == ("4 files: 1 scored, 1 without a score (1 silence), 2 failed\n")
    rows = list(csv.DictReader(io.StringIO(ended.stdout)))
    assert [row["abstained"] for row in rows] == ["silence", "", "", ""]
    assert rows[1]["error"].startswith("damaged: ")
    assert (
        rows[3]["error"] == "unreadable: No such file or directory; check the path and your "
        "permission"
    )
    assert float(rows[2]["mos"]) < 2.3
    assert "windows" not in rows[0]
    assert {rows[0][name] for name in ("origin", "origin_codec", "origin_evidence")} == {""}


def test_the_origin_has_columns_of_its_own(run, tmp_path):
    write(tmp_path / "full band.wav", noise(3, rate_hz=44_100, channels=2), 44_100)
    rows, found = (run("score", str(tmp_path), form).stdout for form in ("--csv", "--json"))
    row, origin = next(csv.DictReader(io.StringIO(rows))), json.loads(found)["origin"]
    assert row["origin"] == origin["verdict"] == "genuine"
    assert row["origin_codec"] == origin["codec"] == ""
    assert [row["origin_evidence"]] == origin["evidence"]


@pytest.mark.parametrize("command", ["score", "gate --min-mos 1"])
def test_a_file_without_permission_is_no_wrong_usage(run, monkeypatch, command):
    monkeypatch.setattr(os, "access", lambda *_, **__: False)  # as root may read everything
    ended = run(*command.split(), "music/a café.wav")
    assert (ended.exit_code, "not readable" in ended.stderr) == (0, False)


def test_files_without_a_score_end_with_3(run):
    ended = run("score", "silence.wav")
    assert (ended.exit_code, ended.stderr) == (3, "")
    assert "silence" in ended.stdout
    assert "there is nothing to hear" in ended.stdout


def test_a_timeline_follows_the_line(run):
    ended = run("score", "music", "--timeline", "--hop", "1")
    lines = ended.stdout.splitlines()
    assert lines[2].startswith("       0:00.0 -  0:10.0  ")
    assert lines[3].startswith("       0:01.0 -  0:11.0  ")
    assert any("band_edge: nothing above" in line for line in lines[4:])


def test_a_list_and_standard_input_are_read(run, folder):
    (folder / "list.txt").write_text("music/a café.wav\n")
    listed = run("score", "--list", "list.txt", "--json", "--no-causes")
    data = (folder / "music" / "a café.wav").read_bytes()
    piped = run("score", "-", "--json", "--no-causes", input=data)
    one, other = json.loads(listed.stdout), json.loads(piped.stdout)
    assert (one.pop("file"), other.pop("file")) == ("music/a café.wav", "-")
    assert one == other


def test_a_stream_is_scored_as_it_comes(run):
    samples = noise(9, rate_hz=RATE_HZ, channels=2).astype("<f4")
    how = ("--rate", str(RATE_HZ), "--window", "4", "--hop", "2")
    ended = run("score", "--stream", *how, "--json", input=samples.tobytes())
    found = [json.loads(line) for line in ended.stdout.splitlines()]
    assert [w["stop_s"] for w in found] == [4, 6, 8]
    assert {w["word"] for w in found} == {"bad"}
    rows = run("score", "--stream", *how, "--csv", input=samples.tobytes()).stdout.splitlines()
    assert rows[0] == "start_s,stop_s,mos,mos_low,mos_high,abstained,word"
    assert len(rows) == 4
    text = run("score", "--stream", *how, input=samples.tobytes()).stdout.splitlines()
    assert text[0].split()[:3] == ["0:00.0", "-", "0:04.0"]
    short = run("score", "--stream", input=b"12")
    assert (short.exit_code, short.stderr) == (
        1, "the stream ended before its first window was full\n",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "give FILES, --list FILE or --stream"),
        (("a.wav", "--stream"), "give FILES, --list FILE or --stream"),
        (("a.wav", "--json", "--csv"), "give --json or --csv, not both"),
        (("a.wav", "--json", "--timeline"), "--timeline is for people"),
        (("a.wav", "--worst", "2", "--sort", "file"), "--worst goes by the score"),
        (("--stream", "--sort", "score"), "--sort: for files alone, which end"),
        (("--stream", "--worst", "1"), "--worst: for files alone, which end"),
    ],
)
def test_wrong_usage_ends_with_2(arguments, message, run):
    ended = run("score", *arguments)
    assert ended.exit_code == 2
    assert message in " ".join(ended.stderr.replace("│", " ").split())


def test_a_wrong_model_is_one_sentence(run):
    ended = run("score", "silence.wav", "--model", "none.onnx")
    assert isinstance(ended.exception, ModelError)


def test_the_gate_passes_and_fails(run, folder):
    written = run("gate", "music", "--write-baseline", "b.csv")
    assert (written.exit_code, written.stderr.splitlines()) == (
        0, ["b.csv: 1 scores written", "1 files: 1 pass, 0 fail"],
    )  # fmt: skip
    assert run("gate", "music", "--min-mos", "1.0", "--baseline", "b.csv").exit_code == 0
    failed = run("gate", "music", "silence.wav", "--min-mos", "4.0")
    assert failed.exit_code == 1
    assert failed.stderr == "2 files: 0 pass, 2 fail\n"
    assert "is below 4 (nothing above" in failed.stdout
    assert "no score: there is nothing to hear" in failed.stdout
    text = (folder / "b.csv").read_text()
    mos = float(text.splitlines()[1].split(",")[1])
    (folder / "higher.csv").write_text(f"file,mos\nmusic/a café.wav,{mos + 0.5}\ngone.wav,4.0\n")
    fell = run("gate", "music", "--baseline", "higher.csv", "--json")
    (found,) = map(json.loads, fell.stdout.splitlines())
    assert (fell.exit_code, found["passed"]) == (1, False)
    assert found["reasons"] == [f"fell by 0.50 from {mos + 0.5:.2f}, more than 0.1"]
    assert "1 files of the baseline were not scored this time" in fell.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("a.wav",), "give --min-mos, --baseline or --write-baseline"),
        (("--min-mos", "4"), "give FILES or --list FILE"),
        (("a.wav", "--write-baseline", "b.csv", "--sure"), "--sure needs --min-mos"),
    ],
)
def test_wrong_usage_of_the_gate_ends_with_2(arguments, message, run):
    ended = run("gate", *arguments)
    assert ended.exit_code == 2
    assert message in " ".join(ended.stderr.replace("│", " ").split())


def test_names_cannot_break_a_line_and_colours_are_for_terminals():
    from musqa_pipeline.scoring.batch import Result

    text = io.StringIO()
    ScoreTable(console=Console(file=text)).add(Result("a\nb\x1b[31m.wav", None, "damaged: x"))
    _, line = text.getvalue().splitlines()
    assert line.startswith("a\\nb\\x1b[31m.wav  ")
    assert line.endswith("  damaged: x")
    assert score_text.coloured("fair", "fair") != "fair" == score_text.coloured("error", "fair")


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.0, " 0:00.0"), (59.96, " 1:00.0"), (187.54, " 3:07.5"), (3_787.5, "1:03:07.5")],
)
def test_times_are_written_as_a_clock(seconds, text):
    assert score_text.clock(seconds) == text


def test_a_line_is_printed_as_soon_as_a_file_is_done(folder):
    """In a process of its own, through a pipe that stays open."""
    reader, writer = os.pipe()
    with subprocess.Popen(
        [sys.executable, "-m", "musqa_pipeline.cli", "score", "--stream", "--json", "--rate",
         str(RATE_HZ), "--window", "3", "--hop", "1"],
        stdin=reader, stdout=subprocess.PIPE, env={**os.environ, "MUSQA_MODEL": "small.onnx"},
        cwd=folder,
    ) as process:  # fmt: skip
        os.close(reader)
        data = np.ascontiguousarray(noise(3.5, rate_hz=RATE_HZ, channels=2), "<f4").tobytes()
        os.write(writer, data)
        assert json.loads(process.stdout.readline())["stop_s"] == 3
        os.close(writer)
        assert process.wait() == 0
