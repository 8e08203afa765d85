"""`musqa compare`: what it prints, how it ends, and how files and folders are paired."""

import csv
import json

import numpy as np
import pytest
from typer.testing import CliRunner

from musqa_pipeline.audio.files.pairs import pair_folders
from musqa_pipeline.cli import app
from musqa_pipeline.core.errors import MusqaError, SettingsError
from tests.audio.music import music
from tests.audio.sounds import write
from tests.learning.intrusive.conftest import drawn_network
from tests.learning.written_run import write_run

N = 72_000


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("compare")
    noise = np.random.default_rng(0).standard_normal(N).astype(np.float32)
    for index, name in enumerate(("one", "two")):
        clean = music(seed=index)[:N]
        (folder / "masters").mkdir(exist_ok=True)
        write(folder / "masters" / f"{name}.wav", clean, subtype="FLOAT")
        for level in (0.02, 0.2):
            (folder / "coded" / f"at {level}").mkdir(exist_ok=True, parents=True)
            coded = folder / "coded" / f"at {level}" / f"{name}.flac"
            write(coded, clean + level * noise, format="FLAC", subtype="PCM_24")
    write_run(folder / "run", drawn_network())
    return folder


@pytest.fixture
def run(folder, monkeypatch, home):
    """Run the command in this process, in the folder of the files."""
    monkeypatch.chdir(folder)
    others = [c for c in app.app.registered_commands if c.name != "compare"]
    monkeypatch.setattr(app.app, "registered_commands", others)
    app._register("compare")
    return lambda *arguments: CliRunner().invoke(app.app, ["compare", *arguments])


def test_json_has_an_object_a_pair(run):
    ended = run("masters/one.wav", "coded/at 0.2/one.flac", "--model", "run", "--json")
    assert (ended.exit_code, ended.stderr) == (0, "")
    (found,) = map(json.loads, ended.stdout.splitlines())
    assert set(found) == {
        "reference", "degraded", "mos", "quality", "lag_samples", "lag_ms", "common_s", "warnings",
        "error",
    }  # fmt: skip
    assert found["mos"] == pytest.approx(1 + 4 * found["quality"])
    assert (found["lag_samples"], found["common_s"], found["error"]) == (0, 1.5, None)


def test_folders_are_compared_file_by_file(run):
    ended = run("masters", "coded", "--model", "run", "--csv")
    rows = list(csv.DictReader(ended.stdout.splitlines()))
    assert ended.exit_code == 0
    assert [(row["reference"], row["degraded"]) for row in rows] == [
        (f"masters/{name}.wav", f"coded/at {level}/{name}.flac")
        for level in ("0.02", "0.2")
        for name in ("one", "two")
    ]
    assert len({row["mos"] for row in rows}) == 4


def test_a_table_is_aligned_and_says_what_failed(run, folder):
    (folder / "list.csv").write_text(
        "reference,degraded\nmasters/one.wav,coded/at 0.2/one.flac\nmasters/one.wav,gone.wav\n"
    )
    ended = run("--pairs", "list.csv", "--model", "run")
    assert ended.exit_code == 1
    header, good, bad = ended.stdout.splitlines()
    assert header.split() == ["degraded", "mos", "quality", "lag", "ms"]
    assert len(good) == len(header)
    assert bad.startswith("gone.wav ")
    assert bad.endswith("error: No such file or directory; check the path and your permission")
    assert "1 of 2 pairs have no score; their rows say why" in ended.stderr


def test_fine_tuning_prints_both_and_stores_a_run(run, folder):
    table = folder / "scores.csv"
    lines = [
        f"masters/{name}{copy}.wav,coded/at {level}/{name}.flac,{5 - 10 * level}"
        for name in ("one", "two")
        for copy in ("", " again")
        for level in (0.02, 0.2)
    ]
    for name in ("one", "two"):
        again = folder / "masters" / f"{name} again.wav"
        again.write_bytes((folder / "masters" / f"{name}.wav").read_bytes())
    table.write_text("\n".join(["file_ref,file_deg,mos", *lines]))
    ended = run("--fine-tune", "scores.csv", "--out", "tuned", "--model", "run")
    for name in ("one", "two"):
        (folder / "masters" / f"{name} again.wav").unlink()
    assert ended.exit_code == 0, ended.output
    first, *rest = ended.stdout.splitlines()
    assert first == "8 pairs of 4 references, 4 folds by reference"
    assert [line.split()[0] for line in rest] == ["pearson", "spearman", "rmse", "musqa"]
    used = run("masters/one.wav", "coded/at 0.2/one.flac", "--model", "tuned", "--json")
    assert used.exit_code == 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "give REFERENCE and DEGRADED, or --pairs FILE.csv, or --fine-tune SCORES.csv"),
        (["masters"], "give REFERENCE and DEGRADED"),
        (["masters", "coded", "--pairs", "list.csv"], "give REFERENCE and DEGRADED"),
        (["masters", "coded", "--csv", "--json"], "give --json or --csv, not both"),
        (["--fine-tune", "scores.csv"], "--fine-tune SCORES.csv and --out RUN go together"),
    ],
)
def test_wrong_usage_is_named_and_ends_with_2(run, arguments, said):
    ended = run(*arguments)
    assert ended.exit_code == 2
    assert said in " ".join(ended.stderr.replace("│", " ").split())


def test_without_a_trained_network_it_says_so(run):
    ended = run("masters", "coded")
    assert isinstance(ended.exception, MusqaError)
    assert "no trained insenet in" in str(ended.exception)


def test_without_its_libraries_it_names_the_extra(run, monkeypatch):
    monkeypatch.setattr("musqa_pipeline.cli.compare.LIBRARIES", ("no_such_library",))
    others = [c for c in app.app.registered_commands if c.name != "compare"]
    monkeypatch.setattr(app.app, "registered_commands", others)
    app._register("compare")
    ended = CliRunner().invoke(app.app, ["compare", "a", "b"])
    assert "this command needs no_such_library; install them with pip" in str(ended.exception)


def test_a_name_that_two_references_have_is_no_partner(folder, tmp_path):
    for place in ("x/song.wav", "y/song.wav"):
        (tmp_path / "masters" / place).parent.mkdir(parents=True)
        (tmp_path / "masters" / place).touch()
    for place in ("x/song.mp3", "64k/song.mp3"):
        (tmp_path / "coded" / place).parent.mkdir(parents=True)
        (tmp_path / "coded" / place).touch()
    lost, found = pair_folders(tmp_path / "masters", tmp_path / "coded")
    assert found.reference == tmp_path / "masters" / "x" / "song.wav"
    assert lost.reference == tmp_path / "masters" / "64k" / "song"
    one = pair_folders(tmp_path / "masters" / "x" / "song.wav", tmp_path / "coded")
    assert [pair.reference.parent.name for pair in one] == ["x", "x"]


@pytest.mark.parametrize(
    ("reference", "degraded", "text"),
    [
        ("nowhere", "coded", "nowhere does not exist; check the path"),
        ("masters", "coded/at 0.2/one.flac", "masters is a folder and .* a file; name the file's"),
        ("masters", "run", "run holds no audio file; check the path, or the files' endings"),
    ],
)
def test_paths_that_cannot_be_paired_are_named(folder, reference, degraded, text):
    with pytest.raises(SettingsError, match=text):
        pair_folders(folder / reference, folder / degraded)
