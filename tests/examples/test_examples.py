"""The scripts in `examples/` run as a user runs them, on music that we make."""

from __future__ import annotations

import runpy
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import soundfile

from musqa_pipeline import Scorer
from tests import ROOT
from tests.audio.music import music

RATE_HZ = 48_000


def run(script, *arguments):
    return subprocess.run(
        [sys.executable, str(ROOT / "examples" / script), *map(str, arguments)],
        capture_output=True, text=True, check=False, cwd=ROOT,
    )  # fmt: skip


def is_picture(path):
    data = path.read_bytes()
    return data.startswith(b"\x89PNG") and len(data) > 5_000


@pytest.fixture
def album(tmp_path):
    folder = tmp_path / "un album"
    folder.mkdir()
    left = music(12 * RATE_HZ).astype(np.float32)
    soundfile.write(folder / "01 début.flac", np.stack([left, left[::-1]], axis=1), RATE_HZ)
    soundfile.write(folder / "02 silence.wav", np.zeros(8 * RATE_HZ), RATE_HZ)
    (folder / "03 cover.mp3").write_bytes(b"\xff\xd8\xff\xe0 a picture")
    return folder


def test_an_album_becomes_a_table_and_a_picture(album, tmp_path):
    done = run("score_album.py", album, "--picture", tmp_path / "album.png")
    assert done.returncode == 0, done.stderr
    first, *_ = done.stdout.splitlines()
    assert first.startswith("03 cover.mp3 is left out: ")
    order = [done.stdout.index(name) for name in ("01 début", "02 silence")]
    assert order == sorted(order)  # what has no score comes last
    assert is_picture(tmp_path / "album.png")


def test_the_table_of_an_album_says_what_the_intervals_allow():
    silent = Scorer().score(np.zeros(4 * RATE_HZ, np.float32), RATE_HZ)
    dull = replace(silent, mos=3.0, word="poor", words="poor or fair", abstained="")
    table = runpy.run_path(str(ROOT / "examples" / "score_album.py"))["as_table"]
    assert table({"a": silent, "b": dull})["words"].to_list() == ["poor or fair", "silence"]


def test_a_folder_without_music_is_told_of(tmp_path):
    done = run("score_album.py", tmp_path)
    assert done.returncode == 2
    assert "holds no audio that can be read" in done.stderr


def test_codecs_are_labelled_and_more_bits_are_better(album, tmp_path):
    done = run("label_codecs.py", album / "01 début.flac", "--picture", tmp_path / "codecs.png")
    assert done.returncode == 0, done.stderr
    rows = [line.split("┆") for line in done.stdout.splitlines() if "┆" in line][2:]
    mos = {(row[0].strip("│ "), int(row[1])): float(row[3].strip("│ ")) for row in rows[1:]}
    assert len(mos) == 24
    for codec in ("MP3", "AAC", "Vorbis", "Opus"):
        assert mos[codec, 192] > 4
        assert mos[codec, 192] > mos[codec, 32]
    assert is_picture(tmp_path / "codecs.png")


@pytest.mark.timeout(900)
@pytest.mark.long
def test_a_network_is_trained_on_ones_own_music_and_scores(tmp_path):
    folder = tmp_path / "mine"
    folder.mkdir()
    for number in range(4):
        samples = music(11 * RATE_HZ, seed=number).astype(np.float32)
        soundfile.write(folder / f"{number}.flac", samples, RATE_HZ)
    (folder / "tracks.csv").write_text("file,role\n0.flac,test\n1.flac,train\n2.flac,train\n")
    command = ("train_on_your_music.py", folder, "--home", tmp_path / "home", "--epochs", 2)
    done = run(*command, "--cascades", 1)
    assert done.returncode == 0, done.stderr
    assert "recordings that the network never met: RMSE" in done.stdout
    scorer = Scorer(tmp_path / "home" / "model.onnx")
    assert 1 <= scorer(music(10 * RATE_HZ, seed=9), RATE_HZ).mos <= 4.73
    again = run(*command, "--cascades", 1)
    assert again.stdout == done.stdout
