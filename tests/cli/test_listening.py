"""`musqa listening`: what it prints and how it ends."""

import csv
import io
import json
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from musqa_pipeline.cli import listening
from musqa_pipeline.core.errors import MusqaError, SettingsError
from tests.audio.music import music
from tests.audio.sounds import write
from tests.studies.listening.listeners import write_key, write_results


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_key(tmp_path / "key.csv")
    write_results(tmp_path / "mushra.csv", [None] * 6 + ["repeats", "headphones"])

    def run(*arguments):
        return CliRunner().invoke(listening.app, list(arguments))

    return run


def test_screening_lists_every_rejection_in_three_forms(run):
    text = run("screen", "mushra.csv", "--key", "key.csv")
    assert text.exit_code == 0
    assert "uuid-6" in text.stdout
    assert "reports no headphones" in text.stdout
    assert "6 of 8 listeners kept" in text.stderr
    rows = [
        json.loads(x)
        for x in run("screen", "mushra.csv", "--key", "key.csv", "--json").stdout.splitlines()
    ]
    assert [(r["rater"], r["rule"]) for r in rows] == [
        ("uuid-6", "repeats"), ("uuid-7", "headphones"),
    ]  # fmt: skip
    as_csv = run("screen", "mushra.csv", "--key", "key.csv", "--csv").stdout
    assert list(csv.DictReader(io.StringIO(as_csv))) == rows


def test_thresholds_are_options(run):
    loose = ("--repeat-limit", "60", "--no-headphones-rule")
    ended = run("screen", "mushra.csv", "--key", "key.csv", *loose)
    assert "nobody to leave out" in ended.stdout
    assert "8 of 8 listeners kept" in ended.stderr
    strict = run("screen", "mushra.csv", "--key", "key.csv", "--mid-scale", "100", "--json")
    rules = [json.loads(line)["rule"] for line in strict.stdout.splitlines()]
    assert rules.count("reference_mid_scale") == 8


def test_from_ratings_to_a_comparison(run, tmp_path):
    ended = run("mos", "mushra.csv", "--key", "key.csv", "--csv")
    assert "left out: uuid-7: reports no headphones" in ended.stderr
    (tmp_path / "mos.csv").write_text(ended.stdout)
    rows = list(csv.DictReader(io.StringIO(ended.stdout)))
    assert len(rows) == 42
    assert {row["n_raters"] for row in rows} == {"6"}
    everybody = run("mos", "mushra.csv", "--key", "key.csv", "--csv", "--everybody")
    assert {row["n_raters"] for row in csv.DictReader(io.StringIO(everybody.stdout))} == {"8"}
    lines = [f"{row['file']},{float(row['mos']) / 25 + 1}" for row in rows]
    (tmp_path / "model.csv").write_text("\n".join(["file,predicted", *lines]) + "\n")
    ended = run(
        "compare", "mos.csv", "model.csv", "--json", "--draws", "100", "--plot", "picture.svg"
    )
    assert ended.exit_code == 0, ended.stderr
    found = {(r["metric"], r["mapped"]): r for r in map(json.loads, ended.stdout.splitlines())}
    assert found["pearson", False]["value"] == pytest.approx(1.0)
    assert found["rmse", True]["value"] < 1e-6
    assert found["rmse", False]["interval"] == "recordings"
    assert "35 excerpts; 0 rated ones have no prediction" in ended.stderr
    assert (tmp_path / "picture.svg").read_text().startswith("<svg")
    assert "pearson" in run("compare", "mos.csv", "model.csv", "--draws", "100").stdout


def test_columns_of_other_names_can_be_named(run, tmp_path):
    (tmp_path / "o.csv").write_text("name,label\n" + "".join(f"{i},{i}\n" for i in range(9)))
    (tmp_path / "p.csv").write_text("path,nisqa\n" + "".join(f"{i},{i}\n" for i in range(9)))
    there = ("--map-predictions", "file=path", "--map-predictions", "predicted=nisqa")
    ended = run("compare", "o.csv", "p.csv", "--map", "file=name", "--map", "mos=label", *there)
    assert ended.exit_code == 0, ended.output
    assert "9 excerpts; 0 rated ones have no prediction, 0 predicted ones no rating" in ended.stderr
    unnamed = run("compare", "o.csv", "p.csv", "--map", "file=name", "--map", "mos=label")
    assert "p.csv has no column file and predicted; it has: path, nisqa" in str(unnamed.exception)


def test_a_plain_table_says_which_rules_did_not_apply(run, tmp_path):
    (tmp_path / "plain.csv").write_text("file,rater,score\nx,a,3\ny,a,2\nx,b,4\ny,b,1\n")
    ended = run("mos", "plain.csv", "--scale", "1", "5", "--json")
    assert [json.loads(line)["mos"] for line in ended.stdout.splitlines()] == [3.5, 1.5]
    assert "not applied: anchor_top (no 3.5 kHz anchor)" in ended.stderr


@pytest.mark.parametrize("command", ["screen", "mos"])
def test_a_score_outside_the_scale_is_named(run, tmp_path, command):
    (tmp_path / "plain.csv").write_text("file,rater,score\nx,r1,3\ny,r5,700\n")
    said = "plain.csv: score 700 of r5 for y lies outside 0 to 100; correct it, or give --scale"
    ended = run(command, "plain.csv")
    assert isinstance(ended.exception, SettingsError)
    assert str(ended.exception) == said
    assert run(command, "plain.csv", "--scale", "0", "1000").exit_code == 0


def test_stimuli_are_made_of_a_folder(run, tmp_path):
    for i, name in enumerate("ab"):
        write(tmp_path / "songs" / f"{name}.wav", music(seed=i)[:264_000], subtype="PCM_24")
    (tmp_path / "songs" / "notes.txt").write_text("no audio")
    made = run(
        "stimuli", "songs", "--out", "t", "--test-id", "mini", "--duration-s", "5",
        "--processes", "33", "--per-recording", "1", "--repeated", "0", "--json",
    )  # fmt: skip
    assert made.exit_code == 0, made.output
    record = json.loads(made.stdout.splitlines()[-1])
    assert (record["n_pages"], record["n_excerpts"], record["n_files"]) == (1, 3, 8)
    assert (tmp_path / "t" / "webmushra" / "configs" / "mini.yaml").is_file()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("stimuli", "--out", "t"), "give recordings, or --plan FILE.csv"),
        (("stimuli", "a.wav", "--out", "t", "--processes", "x"), "expected numbers, as 3,17,29"),
        (("mos", "mushra.csv", "--json", "--csv"), "give --json or --csv, not both"),
        (("mos", "plain.csv", "--map", "mos"), "expected NAME=COLUMN, as in mos=label"),
        (("mos", "plain.csv", "--key", "key.csv", "--rater", "x"), "--key, --rater: for webMUSHRA"),
        (("screen", "mushra.csv", "--map", "file=x"), "--map: for plain tables alone; webMUSHRA"),
        (("compare", "a.csv", "b.csv", "--threshold", "-3"), "Invalid value for '--threshold'"),
        (("compare", "a.csv", "b.csv", "--threshold", "nan"), "Invalid value for '--threshold'"),
    ],
)
def test_wrong_usage_is_said(run, tmp_path, arguments, said):
    (tmp_path / "plain.csv").write_text("file,rater,score\nx,a,3\n")
    ended = run(*arguments)
    assert ended.exit_code == 2
    assert said in " ".join(ended.stderr.replace("│", " ").split())


def test_what_is_missing_is_said(run, monkeypatch):
    ended = run("mos", "none.csv")
    assert isinstance(ended.exception, SettingsError)
    assert "none.csv cannot be read" in str(ended.exception)
    monkeypatch.setitem(sys.modules, "pedalboard", None)
    monkeypatch.setattr(
        "importlib.util.find_spec", lambda name: None if name == "pedalboard" else 1
    )
    ended = run("stimuli", "a.wav", "--out", "t")
    assert isinstance(ended.exception, MusqaError)
    assert str(ended.exception) == (
        "this needs pedalboard; install them with pip install 'musqa-pipeline[factory]'"
    )


ABSENT = (
    "torch", "polars", "pyarrow", "duckdb", "dagster", "ffmpeg", "pedalboard", "matplotlib", "av",
)  # fmt: skip


def test_ratings_need_the_base_installation_alone(run, tmp_path):
    code = """
import sys

class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {ABSENT}:
            raise ModuleNotFoundError(name)

sys.meta_path.insert(0, Absent())
sys.argv = ["musqa", "listening", "mos", "mushra.csv", "--key", "key.csv", "--csv"]
from musqa_pipeline.cli import app
app.main()
""".replace("{ABSENT}", repr(ABSENT))
    ended = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, ended.stderr
    assert len(ended.stdout.splitlines()) == 43
