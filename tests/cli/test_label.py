"""`musqa label`: what it prints, how it ends, and that it needs no checkout."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
import textwrap
from dataclasses import replace

import numpy as np
import pytest
from typer.testing import CliRunner

from musqa_pipeline.cli import label
from musqa_pipeline.cli.app import command_line
from musqa_pipeline.cli.commands import COMMANDS
from musqa_pipeline.core.errors import MusqaError, SettingsError
from tests.audio.music import music
from tests.audio.sounds import write

N = 72_000


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("label me")
    clean = music()[:N]
    noise = np.random.default_rng(0).standard_normal(N).astype(np.float32)
    write(folder / "master.wav", clean, subtype="FLOAT")
    write(folder / "noisy café.wav", clean + 0.05 * noise, subtype="FLOAT")
    write(folder / "cd rate.wav", clean, 44_100, subtype="FLOAT")
    (folder / "broken.flac").write_bytes(b"fLaC nothing")
    (folder / "pairs.csv").write_text(
        "reference,degraded\nmaster.wav,noisy café.wav\nmaster.wav,broken.flac\n", "utf-8"
    )
    return folder


@pytest.fixture
def run(folder, monkeypatch):
    """Run the command in this process; returns exit code, standard output and error."""
    monkeypatch.chdir(folder)

    def run(*arguments):
        return CliRunner().invoke(command_line("label"), ["label", *arguments])

    return run


def test_json_has_an_object_a_line(run):
    ended = run("master.wav", "master.wav", "noisy café.wav", "--json")
    assert (ended.exit_code, ended.stderr) == (0, "")
    same, noisy = map(json.loads, ended.stdout.splitlines())
    assert same["mos"] == pytest.approx(4.732, abs=0.001)
    assert 1.0 < noisy["mos"] < 4.6
    assert noisy["degraded"] == "noisy café.wav"
    assert set(noisy) == {
        "reference", "degraded", "mos", "vnsim", "lag_samples", "lag_ms", "n_patches", "warnings",
        "error",
    }  # fmt: skip
    assert (noisy["lag_samples"], noisy["lag_ms"], noisy["error"], noisy["warnings"]) == (
        0, 0.0, None, [],
    )  # fmt: skip


def test_bands_and_patches_are_added(run):
    ended = run("master.wav", "noisy café.wav", "--json", "--bands", "--patches")
    (found,) = map(json.loads, ended.stdout.splitlines())
    assert len(found["fvnsim"]) == label.N_BANDS
    assert np.mean(found["fvnsim"]) == pytest.approx(found["vnsim"], abs=1e-12)
    assert len(found["patches"]) == found["n_patches"] > 0
    assert set(found["patches"][0]) == {
        "similarity", "reference_start_s", "reference_end_s", "degraded_start_s", "degraded_end_s",
    }  # fmt: skip
    starts = [patch["reference_start_s"] for patch in found["patches"]]
    assert starts == sorted(starts)
    rows = list(
        csv.DictReader(run("master.wav", "master.wav", "--csv", "--bands").stdout.splitlines())
    )
    assert [name for name in rows[0] if name.startswith("fvnsim")][-1] == "fvnsim_32"
    assert float(rows[0]["fvnsim_01"]) == pytest.approx(1.0)


def test_csv_has_a_row_a_pair_and_failures_are_rows_too(run):
    ended = run("--pairs", "pairs.csv", "--csv")
    rows = list(csv.DictReader(ended.stdout.splitlines()))
    assert [row["degraded"] for row in rows] == ["noisy café.wav", "broken.flac"]
    assert 1.0 < float(rows[0]["mos"]) < 4.6
    assert rows[0]["error"] == ""
    assert rows[1]["mos"] == ""
    assert "get the file again, or export it anew from its source" in rows[1]["error"]
    assert ended.exit_code == 1
    assert ended.stderr == "1 of 2 pairs have no score; their rows say why\n"


def test_a_file_without_permission_is_no_wrong_usage(run, monkeypatch):
    monkeypatch.setattr(os, "access", lambda *_, **__: False)  # as root may read everything
    ended = run("master.wav", "noisy café.wav")
    assert (ended.exit_code, ended.stderr) == (0, "")


def test_a_table_is_aligned_and_says_what_failed(run):
    ended = run("master.wav", "master.wav", "broken.flac", "noisy café.wav")
    header, same, broken, noisy = ended.stdout.splitlines()
    assert header.split() == ["degraded", "mos", "vnsim", "lag", "ms", "n", "patches"]
    end = header.index("mos") + len("mos")
    assert same[:end].endswith("4.732")
    assert noisy[: len("noisy café.wav")] == "noisy café.wav"
    assert noisy[end - 6 : end - 5] == " "
    assert broken.startswith("broken.flac     error: ")
    assert ended.exit_code == 1
    with_reference = run("--pairs", "pairs.csv").stdout.splitlines()[0]
    assert with_reference.split()[0] == "degraded"  # one reference: no need to repeat it


def test_a_second_opinion_adds_its_columns(run):
    ended = run("master.wav", "noisy café.wav", "--json", "--second-opinion", "zimtohrli")
    (found,) = map(json.loads, ended.stdout.splitlines())
    assert found["second_opinion"] == "zimtohrli"
    assert 1.0 < found["second_mos"] < 5.0
    assert found["second_distance"] > 0
    assert found["disagreement"] == found["second_mos"] - found["mos"]
    table = run("master.wav", "noisy café.wav", "--second-opinion", "zimtohrli").stdout
    assert table.splitlines()[0].endswith("second mos  disagreement")


def test_warnings_go_to_standard_error_once(run):
    ended = run("cd rate.wav", "master.wav", "noisy café.wav", "--json")
    warning = "warning: cd rate.wav: resampled from 44,100 Hz to 48,000 Hz\n"
    assert ended.stderr.count(warning) == 1
    first = json.loads(ended.stdout.splitlines()[0])
    assert first["warnings"] == ["reference: resampled from 44,100 Hz to 48,000 Hz"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "give a reference and degraded files, or --pairs FILE.csv"),
        (["a.wav", "b.wav", "--pairs", "p.csv"], "give a reference and degraded files, or --pairs"),
        (["a.wav"], "a.wav is the reference; name degraded files after it"),
        (["a.wav", "b.wav", "--json", "--csv"], "give --json or --csv, not both"),
        (["a.wav", "b.wav", "--csv", "--patches"], "--patches needs --json"),
        (["a.wav", "b.wav", "--bands"], "--bands needs --json or --csv"),
        (["a.wav", "b.wav", "--workers", "0"], "greater than or equal to 1"),
        (["a.wav", "b.wav", "--second-opinion", "peaq"], "'peaq' is not one of 'zimtohrli'"),
    ],
)
def test_wrong_usage_is_named_and_ends_with_2(run, arguments, said):
    ended = run(*arguments)
    assert ended.exit_code == 2
    assert said in " ".join(ended.stderr.split())


def test_a_list_that_is_not_there_ends_in_one_sentence(run):
    ended = run("--pairs", "gone.csv")
    assert isinstance(ended.exception, SettingsError)
    assert "gone.csv cannot be read" in str(ended.exception)


def test_the_help_has_examples(run):
    text = run("--help").stdout
    assert "musqa label master.flac codec-64k.mp3 codec-128k.mp3\n" in text
    assert "--pairs pairs.csv --json --workers 4" in text


def test_without_its_libraries_it_names_the_extra(run, monkeypatch):
    command = replace(COMMANDS["label"], libraries=("numba", "not_there"))
    monkeypatch.setitem(COMMANDS, "label", command)
    ended = run("a.wav", "b.wav", "--json")
    assert isinstance(ended.exception, MusqaError)
    assert "needs not_there; install them with pip install 'musqa-pipeline[label]'" in str(
        ended.exception
    )


def test_it_runs_outside_of_any_checkout_without_the_factorys_libraries(folder, tmp_path):
    program = textwrap.dedent(
        """
        import sys
        from musqa_pipeline.cli.app import main
        absent = ("dagster", "polars", "duckdb", "pyarrow", "torch", "av", "sklearn")
        class Absent:
            @staticmethod
            def find_spec(name, *_):
                if name.split(".")[0] in absent:
                    raise ModuleNotFoundError(name)
        sys.meta_path.insert(0, Absent)
        import importlib.util
        found = importlib.util.find_spec
        importlib.util.find_spec = lambda n: None if n in absent else found(n)
        sys.argv = ["musqa", "label", *sys.argv[1:]]
        main()
        """
    )
    files = [str(folder / name) for name in ("master.wav", "noisy café.wav")]
    environment = {k: v for k, v in os.environ.items() if not k.startswith("MUSQA")}
    ended = subprocess.run(
        [sys.executable, "-c", program, *files, "--json"],
        cwd=tmp_path, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr
    assert json.loads(ended.stdout)["n_patches"] > 0
    assert list(tmp_path.iterdir()) == []
