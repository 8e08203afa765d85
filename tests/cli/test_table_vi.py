"""`musqa listening predict` and `compare` over repetitions, and several tests at once."""

import csv
import io
import json
import math

import pytest
from scipy import stats
from typer.testing import CliRunner

from musqa_pipeline.cli import listening
from musqa_pipeline.core.errors import SettingsError
from tests.studies.listening.listeners import write_key, write_results
from tests.studies.listening.test_table_vi import KNOWN, X, says


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Two tests of eight stimuli each, one in points of 100 and one from 1 to 5."""
    monkeypatch.chdir(tmp_path)
    mos = 50 + 20 * X
    lines = [f"{i}.wav,{v},{v / 25 + 1},song{i // 2 % 4}" for i, v in enumerate(mos)]
    head = "file,mos,five,recording,scale_low,scale_high\n"
    (tmp_path / "first.csv").write_text(head + "".join(f"{x},0,100\n" for x in lines[:8]))
    (tmp_path / "folder").mkdir()
    second = "".join(f"{x},1,5\n" for x in lines[8:])
    head = "file,hundred,mos,recording,scale_low,scale_high\n"
    (tmp_path / "folder" / "opinions.csv").write_text(head + second)
    table = [("file", "model", "repetition", "predicted")]
    for (model, i), numbers in KNOWN.items():
        table += [(file, model, i, value) for file, value in says(*numbers).items()]
    with (tmp_path / "networks.csv").open("w", newline="") as stream:
        csv.writer(stream).writerows(table)

    def run(*arguments):
        return CliRunner().invoke(listening.app, list(arguments))

    return run


def rows_of(ended):
    assert ended.exit_code == 0, ended.output
    rows = [json.loads(line) for line in ended.stdout.splitlines()]
    return {(r["row"], r["model"], r["other"], r["metric"]): r for r in rows}


def test_two_tests_on_two_scales_are_one_and_every_repetition_counts(run):
    rows = rows_of(run("compare", "first.csv", "folder", "networks.csv", "--json"))
    r = rows["mean", "vgg19", None, "pearson"]
    assert (r["value"], r["sd"]) == (pytest.approx(0.7), pytest.approx(0.2 / math.sqrt(2)))
    assert r["low"] is not None
    assert rows["mean", "vgg19", None, "rmse"]["value"] == pytest.approx((320**0.5 + 14) / 2)
    assert rows["paired_t", "cnn1d", "vgg19", "pearson"]["p_value"] == pytest.approx(0.5)
    one = rows["one_sample_t", "vgg19", "0.834", "pearson"]
    assert one["p_value"] == pytest.approx(stats.ttest_1samp([0.6, 0.8], 0.834).pvalue)


def test_text_has_the_papers_numbers_beside_and_says_what_is_missing(run):
    ended = run("compare", "first.csv", "folder", "networks.csv")
    assert ended.exit_code == 0, ended.output
    lines = [" ".join(line.split()) for line in ended.stdout.splitlines()]
    (vgg,) = (x for x in lines if x.startswith("vgg19 2 0.700 (0.141)"))
    assert vgg.endswith("0.893 (0.036) 16.96 (1.83)")
    assert any(x.startswith("inception_v3 not run - - - 0.857 (0.098)") for x in lines)
    assert "cnn1d - vgg19 r 2 -0.100 -1.00 1 0.5 0.42 -0.079 8.4e-05" in lines
    assert "vgg19 2 -0.134 -1.34 1 0.41 +0.059 1.8e-05" in lines
    assert not any(x.startswith("vgg19 - mine") for x in lines)  # there is no such test
    assert "r against 0.834, Mumtaz et al. 2022" in ended.stdout
    assert "16 stimuli of 4 recordings" in ended.stderr
    assert "mine: one repetition, so no deviation and no t test" in ended.stderr


def test_csv_holds_the_same_rows(run):
    shown = run("compare", "first.csv", "folder", "networks.csv", "--csv").stdout
    rows = list(csv.DictReader(io.StringIO(shown)))
    found = {(r["row"], r["model"], r["metric"]): r for r in rows}
    assert float(found["mean", "vgg19", "pearson"]["value"]) == pytest.approx(0.7)
    assert found["mean", "mine", "rmse"]["sd"] == ""


def test_several_tests_also_merge_for_one_set_of_predictions(run, tmp_path):
    lines = "".join(f"{file},{value}\n" for file, value in says(0, 0.6, 0.8).items())
    (tmp_path / "one.csv").write_text(f"file,predicted\n{lines}")
    ended = run("compare", "first.csv", "folder", "one.csv", "--json", "--draws", "100")
    found = {(r["metric"], r["mapped"]): r for r in map(json.loads, ended.stdout.splitlines())}
    assert found["pearson", False]["value"] == pytest.approx(0.6)
    assert found["rmse", False]["value"] == pytest.approx(320**0.5)
    assert "16 excerpts; 0 rated ones have no prediction" in ended.stderr


def test_each_test_is_screened_by_its_own_limits_before_they_are_merged(run, tmp_path):
    key = write_key(tmp_path / "key.csv")
    for name, faults, limit in (
        ("a", [None] * 4 + ["repeats"], "60"),
        ("b", ["repeats", None], "50"),
    ):
        write_results(tmp_path / f"{name}.ratings", faults, seed=ord(name))
        ended = run("mos", f"{name}.ratings", "--key", str(key), "--repeat-limit", limit, "--csv")
        (tmp_path / f"{name}.csv").write_text(ended.stdout)
        lines = list(csv.DictReader(io.StringIO(ended.stdout)))
        assert {(x["scale_low"], x["scale_high"]) for x in lines} == {("0.0", "100.0")}
        assert {x["n_raters"] for x in lines} == {"5" if name == "a" else "1"}
    files = [x["file"] for x in lines]
    text = "".join(f"{file},{i},m,0\n{file},{i},m,1\n" for i, file in enumerate(files))
    (tmp_path / "p.csv").write_text(f"file,predicted,model,repetition\n{text}")
    ended = run("compare", "a.csv", "b.csv", "p.csv", "--json")
    assert "35 stimuli of 7 recordings" in ended.stderr
    # The mean over six listeners, and not over two tests.
    a, b = (
        {x["file"]: float(x["mos"]) for x in csv.DictReader((tmp_path / f"{n}.csv").open())}
        for n in "ab"
    )
    scored = [f for f in files if "reference" not in f]
    mos = [(5 * a[f] + b[f]) / 6 for f in scored]
    expected = stats.pearsonr(mos, [files.index(f) for f in scored]).statistic
    r = rows_of(ended)["mean", "m", None, "pearson"]
    assert (r["value"], r["sd"]) == (pytest.approx(expected), 0.0)


def test_a_scale_that_nobody_names_is_asked_for(run, tmp_path):
    lines = "".join(f"{i}.wav,{50 + 20 * x}\n" for i, x in enumerate(X))
    (tmp_path / "bare.csv").write_text(f"file,mos\n{lines}")
    ended = run("compare", "bare.csv", "networks.csv")
    assert isinstance(ended.exception, SettingsError)
    assert "name it with --scale LOW HIGH" in str(ended.exception)
    rows = rows_of(run("compare", "bare.csv", "networks.csv", "--scale", "0", "100", "--json"))
    assert rows["mean", "vgg19", None, "pearson"]["value"] == pytest.approx(0.7)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("first.csv",), "Missing argument"),
        (("first.csv", "networks.csv", "--plot", "x.svg"), "for predictions of one model"),
        (("first.csv", "networks.csv", "--scale", "0", "inf"), "expected two numbers"),
        (
            ("first.csv", "networks.csv", "--scale", "5", "1"),
            "expected two numbers, the low end first",
        ),
    ],
)
def test_wrong_usage_is_said(run, arguments, said):
    ended = run("compare", *arguments)
    assert ended.exit_code == 2
    assert said in " ".join(ended.stderr.replace("│", " ").split())


def test_predicting_says_what_to_install(run, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None if name == "torch" else 1)
    ended = run("predict", "folder")
    assert "musqa listening predict needs torch" in str(ended.exception)
