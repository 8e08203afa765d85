"""`musqa compare`: what it prints, how it ends, and how files and folders are paired."""

import csv
import json
import os
import re
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from musqa_pipeline.audio.files.pairs import pair_folders, unused_references
from musqa_pipeline.cli.app import command_line
from musqa_pipeline.core.errors import MusqaError, SettingsError
from musqa_pipeline.scoring import pair_model
from tests.audio.music import music
from tests.audio.sounds import write
from tests.learning.intrusive.conftest import drawn_network
from tests.learning.written_run import write_run
from tests.scoring.small_pair_model import write_pair_model

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
    write_pair_model(folder / "pairs.onnx")
    return folder


@pytest.fixture
def run(folder, monkeypatch, home):
    """Run the command in this process, in the folder of the files; a small network is shipped."""
    monkeypatch.chdir(folder)
    monkeypatch.setattr(pair_model, "SHIPPED_PAIRS", folder / "pairs.onnx")
    return lambda *arguments: CliRunner().invoke(command_line("compare"), ["compare", *arguments])


def test_json_has_an_object_a_pair(run):
    ended = run("masters/one.wav", "coded/at 0.2/one.flac", "--json")
    assert (ended.exit_code, ended.stderr) == (0, "")
    (found,) = map(json.loads, ended.stdout.splitlines())
    assert set(found) == {
        "reference", "degraded", "mos", "word", "quality", "lowest_mos", "lowest_start_s", "flags",
        "lag_samples", "lag_ms", "common_s", "model", "windows", "warnings", "error",
    }  # fmt: skip
    assert found["mos"] == pytest.approx(1 + 4 * found["quality"])
    assert (found["lag_samples"], found["common_s"], found["error"]) == (0, 1.5, None)
    assert found["model"] == "small 1"
    (window,) = found["windows"]
    assert (window["start_s"], window["stop_s"], window["mos"]) == (0.0, 1.5, found["mos"])


def test_a_file_without_permission_is_no_wrong_usage(run, monkeypatch):
    monkeypatch.setattr(os, "access", lambda *_, **__: False)  # as root may read everything
    ended = run("masters/one.wav", "coded/at 0.2/one.flac")
    assert (ended.exit_code, ended.stderr) == (0, "")


def test_folders_are_compared_file_by_file(run):
    ended = run("masters", "coded", "--csv")
    rows = list(csv.DictReader(ended.stdout.splitlines()))
    assert ended.exit_code == 0
    assert [(row["reference"], row["degraded"]) for row in rows] == [
        (f"masters/{name}.wav", f"coded/at {level}/{name}.flac")
        for level in ("0.02", "0.2")
        for name in ("one", "two")
    ]
    assert len({row["mos"] for row in rows}) == 4
    assert "windows" not in rows[0]
    assert rows[0]["lowest_mos"] == rows[0]["mos"]


def test_the_worst_come_first_where_that_is_asked(run, folder):
    lines = ["masters/one.wav,gone.wav"]
    lines += [f"masters/one.wav,coded/at {level}/one.flac" for level in (0.02, 0.2)]
    (folder / "worst.csv").write_text("\n".join(["reference,degraded", *lines]))
    ended = run("--pairs", "worst.csv", "--sort", "worst", "--json")
    assert ended.exit_code == 1
    found = [json.loads(line)["degraded"] for line in ended.stdout.splitlines()]
    assert found == ["coded/at 0.2/one.flac", "coded/at 0.02/one.flac", "gone.wav"]


def test_a_table_is_aligned_and_says_what_failed(run, folder):
    (folder / "list.csv").write_text(
        "reference,degraded\nmasters/one.wav,coded/at 0.2/one.flac\nmasters/one.wav,gone.wav\n"
    )
    ended = run("--pairs", "list.csv")
    assert ended.exit_code == 1
    header, good, bad = ended.stdout.splitlines()
    assert header.split() == ["degraded", "mos", "word", "quality", "lowest", "mos", "lag", "ms"]
    assert len(good) == len(header)
    assert bad.startswith("gone.wav ")
    assert bad.endswith("error: No such file or directory; check the path and your permission")
    assert "1 of 2 pairs have no score; their rows say why" in ended.stderr


@pytest.fixture(scope="module")
def long_pair(folder):
    """21 s; noise from the eleventh second on."""
    clean = np.tile(music(seed=1)[:480_000], 3)[: 21 * 48_000]
    noise = np.random.default_rng(0).standard_normal(len(clean)).astype(np.float32)
    noise[:480_000] = 0.0
    write(folder / "long.wav", clean, subtype="FLOAT")
    write(folder / "long noisy.wav", clean + noise, subtype="FLOAT")
    return "long.wav", "long noisy.wav"


def test_a_timeline_has_a_line_a_window(run, long_pair):
    _, pair, *windows = run(*long_pair, "--timeline").stdout.splitlines()
    assert pair.endswith("parts differ by more than 1, see --timeline")
    assert len(windows) == 3
    assert [line.split()[:3] for line in windows] == [
        ["0:00.0", "-", "0:10.0"], ["0:10.0", "-", "0:20.0"], ["0:11.0", "-", "0:21.0"],
    ]  # fmt: skip
    assert windows[0].split()[3:] == ["4.73", "transparent"]


def test_csv_has_a_row_a_window_where_a_timeline_is_asked(run, folder, long_pair):
    plain = list(csv.DictReader(run(*long_pair, "--csv").stdout.splitlines()))
    assert plain[0]["flags"] == "mixed_windows"
    assert float(plain[0]["lowest_start_s"]) in (10.0, 11.0)
    (folder / "long.csv").write_text(f"reference,degraded\n{','.join(long_pair)}\nlong.wav,x.wav")
    ended = run("--pairs", "long.csv", "--csv", "--timeline")
    *windows, failed = csv.DictReader(ended.stdout.splitlines())
    assert list(failed) == [
        "reference", "degraded", "start_s", "stop_s", "mos", "word", "abstained", "warnings",
        "error",
    ]  # fmt: skip
    assert [float(row["start_s"]) for row in windows] == [0.0, 10.0, 11.0]
    assert float(windows[0]["mos"]) == pytest.approx(4.73)
    assert (failed["mos"], failed["degraded"]) == ("", "x.wav")
    assert failed["error"].startswith("No such file")


def wav(samples, rate_hz=48_000, **kwargs):
    return lambda path: write(path, samples, rate_hz, **({"subtype": "PCM_16"} | kwargs))


CLEAN = music(seed=1)[:144_000]
RUBBISH = {
    "empty.wav": (lambda path: path.write_bytes(b""), "the file has 0 bytes; get the file again"),
    "picture.wav": (
        lambda path: path.write_bytes(b"\xff\xd8\xff\xe0\0\x10JFIF" + bytes(range(256)) * 40),
        "the file holds no audio stream",
    ),
    "cut.wav": (
        lambda path: path.write_bytes(wav(CLEAN)(path).read_bytes()[:100_000]),
        "it ends after 1.0 s, its header promises 3.0 s; get the file again",
    ),
    "cut.flac": (
        lambda path: path.write_bytes(
            write(path, CLEAN, format="FLAC", subtype="PCM_16").read_bytes()[:100_000]
        ),
        "decoding stops after",
    ),
    "silence.wav": (
        wav(np.zeros(144_000)),
        "the mono mix of the degraded signal is silent .below -80 dBFS",
    ),
    "dither.wav": (
        wav(np.random.default_rng(0).choice([-1, 0, 1], 144_000) / 32_768),
        "the mono mix of the degraded signal is silent .below -80 dBFS",
    ),
    "half a second.wav": (wav(CLEAN[:24_000]), "it lasts 0.50 s; ViSQOL compares patches of 0.6"),
    "0.8 s.wav": (wav(CLEAN[:38_400]), "0.80 s are common to both signals; compare signals of 3"),
    "nan.wav": (wav(np.full(144_000, np.nan), subtype="FLOAT"), "samples or more are NaN"),
    "1 Hz.wav": (wav(CLEAN[:100], 1), "1 Hz; resample it to 4000 to 768000 Hz"),
    "a folder.wav": (lambda path: path.mkdir(), "it is no regular file; name an audio file"),
}
FINE = {
    "8 kHz mono.wav": wav(CLEAN[::6], 8_000),
    "six channels.wav": wav(np.repeat(CLEAN[:, None], 6, axis=1)),
    "3 s.wav": wav(CLEAN),
    "Ünïcode – naïve name.wav": wav(CLEAN),
    "longer.wav": wav(np.concatenate((CLEAN, CLEAN))),
    "shorter.wav": wav(CLEAN[:96_000]),
}


def test_rubbish_gets_rows_that_say_why_and_the_others_are_compared(run, tmp_path):
    write(tmp_path / "master.wav", CLEAN, subtype="FLOAT")
    (tmp_path / "heap").mkdir()
    for name, make in FINE.items():
        make(tmp_path / "heap" / name)
    for name, (make, _) in RUBBISH.items():
        make(tmp_path / "heap" / name)
    ended = run(str(tmp_path / "master.wav"), str(tmp_path / "heap"), "--json")
    assert ended.exit_code == 1
    rows = {Path(row["degraded"]).name: row for row in map(json.loads, ended.stdout.splitlines())}
    assert set(rows) == {*RUBBISH, *FINE}
    for name, (_, text) in RUBBISH.items():
        assert rows[name]["mos"] is None
        assert re.search(text, rows[name]["error"]), (name, rows[name]["error"])
    for name in FINE:
        assert rows[name]["error"] is None, name
        assert 1.0 <= rows[name]["mos"] <= 5.0
    assert rows["six channels.wav"]["mos"] == pytest.approx(rows["3 s.wav"]["mos"], abs=0.02)
    assert rows["8 kHz mono.wav"]["warnings"] == ["degraded: resampled from 8,000 Hz to 48,000 Hz"]
    assert "its reference 3.0 s" in rows["longer.wav"]["warnings"][-1]
    assert rows["longer.wav"]["common_s"] == 3.0
    assert rows["shorter.wav"]["common_s"] == 2.0
    assert f"{len(RUBBISH)} of {len(rows)} pairs have no score; their rows say why" in ended.stderr


def test_a_run_says_what_its_own_network_says(run, folder):
    pair = ("masters/one.wav", "coded/at 0.2/one.flac", "--json")
    ended = run(*pair, "--model", "run")
    found = json.loads(ended.stdout)
    assert (ended.exit_code, found["model"]) == (0, "insenet of run")
    assert found["mos"] != json.loads(run(*pair).stdout)["mos"]


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
        (["masters", "coded", "--timeline", "--json"], "--timeline is for people and CSV; JSON"),
        (["masters", "coded", "--sort", "best"], "'--sort': 'best' is not one of 'given', 'worst'"),
        (["masters", "coded", "--devices", "2"], "--devices: for --fine-tune alone"),
        (
            ["--fine-tune", "s.csv", "--out", "x", "--csv", "--timeline", "--sort", "worst"],
            "--csv, --timeline, --sort: for pairs alone; --fine-tune prints no scores",
        ),
        (["--fine-tune", "scores.csv"], "--fine-tune SCORES.csv and --out RUN go together"),
    ],
)
def test_wrong_usage_is_named_and_ends_with_2(run, arguments, said):
    ended = run(*arguments)
    assert ended.exit_code == 2
    assert said in " ".join(ended.stderr.replace("│", " ").split())


def test_without_any_network_it_says_what_to_do(run, monkeypatch, tmp_path):
    monkeypatch.setattr(pair_model, "SHIPPED_PAIRS", tmp_path / "none.onnx")
    ended = run("masters", "coded")
    assert isinstance(ended.exception, MusqaError)
    assert "no trained insenet in" in str(ended.exception)
    monkeypatch.setattr("musqa_pipeline.cli.compare.LIBRARIES", ("no_such_library",))
    ended = run("masters", "coded")
    assert "ships no network that compares; name one with --model FILE" in str(ended.exception)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["a", "b", "--model", "run"], "a run as --model needs no_such_library; install them with"),
        (["--fine-tune", "s.csv", "--out", "x"], "--fine-tune needs no_such_library; install"),
    ],
)
def test_without_the_libraries_of_a_training_it_names_the_extra(run, monkeypatch, arguments, said):
    monkeypatch.setattr("musqa_pipeline.cli.compare.LIBRARIES", ("no_such_library",))
    ended = run(*arguments)
    assert said in str(ended.exception)
    assert "pip install 'musqa-pipeline[factory]'" in str(ended.exception)


def test_a_model_file_cannot_learn(run):
    ended = run("--fine-tune", "scores.csv", "--out", "new", "--model", "pairs.onnx")
    assert "pairs.onnx is a model file, which cannot learn; name the folder of" in str(
        ended.exception
    )


def test_a_name_that_two_references_have_is_no_partner(folder, tmp_path):
    for place in ("x/song.wav", "y/song.wav"):
        (tmp_path / "masters" / place).parent.mkdir(parents=True)
        (tmp_path / "masters" / place).touch()
    for place in ("x/song.mp3", "64k/song.mp3"):
        (tmp_path / "coded" / place).parent.mkdir(parents=True)
        (tmp_path / "coded" / place).touch()
    lost, found = pair_folders(tmp_path / "masters", tmp_path / "coded")
    assert found.reference == tmp_path / "masters" / "x" / "song.wav"
    x, y = (tmp_path / "masters" / place / "song.wav" for place in "xy")
    assert lost.error == f"{x} and {y} may be its reference; name the pair in a list (--pairs)"
    assert (lost.reference_name, found.error) == ("", "")
    assert unused_references(tmp_path / "masters", tmp_path / "coded") == []
    one = pair_folders(tmp_path / "masters" / "x" / "song.wav", tmp_path / "coded")
    assert [pair.reference.parent.name for pair in one] == ["x", "x"]


@pytest.mark.parametrize("name", ["song.mp3", "song.ogg"])
def test_two_references_that_differ_in_the_ending_are_no_partner(run, tmp_path, name):
    for place in ("masters/song.flac", "masters/song.mp3", f"coded/{name}"):
        write(tmp_path / Path(place).with_suffix(".wav"), CLEAN).rename(tmp_path / place)
    ended = run(str(tmp_path / "masters"), str(tmp_path / "coded"), "--json")
    row = json.loads(ended.stdout)
    flac, mp3 = (tmp_path / "masters" / f"song.{ending}" for ending in ("flac", "mp3"))
    assert (ended.exit_code, row["mos"], row["reference"]) == (1, None, "")
    assert row["error"].startswith(f"{flac} and {mp3} may be its reference; name the pair in")


def test_who_has_no_partner_is_told(run, folder, tmp_path):
    (tmp_path / "img.wav").symlink_to(folder / "masters" / "one.wav")
    ended = run("masters", str(tmp_path), "--csv")
    (row,) = csv.DictReader(ended.stdout.splitlines())
    assert row["error"].startswith("no reference below masters is called img; name the pair in a")
    assert (ended.exit_code, row["reference"]) == (1, "")
    assert "no degraded file belongs to masters/one.wav, masters/two.wav (2)\n" in ended.stderr
    for index in range(6):
        (tmp_path / f"{index}.wav").touch()
    assert "4.wav, … (7)\n" in run(str(tmp_path), str(folder / "masters"), "--csv").stderr


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
