"""Rubbish and faults, met through the command line: nothing is fatal that need not be."""

from __future__ import annotations

import os
import shutil
import subprocess

import numpy as np
import pytest
import soundfile

from musqa_pipeline.stages.views.duck import query
from tests.assets.checkout import Checkout, compose
from tests.drill.zygote import run_musqa

RATE_HZ = 48_000


def sound(path, samples, sample_rate_hz=RATE_HZ, **options):
    """Write a sound file, also one whose name soundfile would stumble over."""
    plain = path.with_name("plain" + path.suffix)
    soundfile.write(plain, samples, sample_rate_hz, **options)
    plain.rename(path)


def write_rubbish(folder):
    """Write one file of every bad kind, and good ones with odd names and formats."""
    folder.mkdir()
    good = compose(1)
    sound(folder / "good one, with spaces.flac", good)
    sound(folder / "Ünïcödé – 音楽.wav", compose(2), subtype="PCM_24")
    sound(folder / "new\nline.flac", compose(3))
    sound(folder / "six channels.wav", np.tile(compose(4), (1, 3)))
    sound(folder / "8 kHz mono.wav", compose(5, sample_rate_hz=8_000)[:, 0], 8_000)
    (folder / "empty.flac").touch()
    (folder / "a photo.mp3").write_bytes(b"\xff\xd8\xff\xe0\x00\x10JFIF" + bytes(range(256)) * 40)
    sound(folder / "whole.flac", compose(6))
    whole = (folder / "whole.flac").read_bytes()
    (folder / "truncated.flac").write_bytes(whole[: len(whole) // 2])
    (folder / "whole.flac").unlink()
    sound(folder / "silence.flac", np.zeros((RATE_HZ * 12, 2), np.float32))
    sound(folder / "three seconds.flac", good[: RATE_HZ * 3])
    nans = good.copy()
    nans[1000:1010] = np.nan
    sound(folder / "nans.wav", nans, subtype="FLOAT")
    shutil.copy(folder / "good one, with spaces.flac", folder / "zz the same again.flac")
    (folder / "dangling.flac").symlink_to(folder / "gone.flac")


EXPECTED = {
    "empty.flac": "empty_file",
    "a photo.mp3": "cannot_decode",
    "truncated.flac": "cannot_decode",
    "silence.flac": "silent",
    "three seconds.flac": "too_short",
    "nans.wav": "not_finite",
    "zz the same again.flac": "duplicate",
    "dangling.flac": "dangling_link",
}
USED = {
    "good one, with spaces.flac",
    "Ünïcödé – 音楽.wav",
    "new\nline.flac",
    "six channels.wav",
    "8 kHz mono.wav",
}


def test_every_bad_file_ends_in_quarantine_and_every_odd_one_is_used(tmp_path):
    write_rubbish(tmp_path / "music")
    checkout = Checkout.make(tmp_path / "checkout", tmp_path / "music")
    checkout.musqa("run", "--preset", "tiny.toml", "--until", "excerpts")
    refused = query(checkout.home, "SELECT file, reason, detail, advice FROM quarantine")
    assert dict(refused.select("file", "reason").rows()) == EXPECTED
    assert (refused["advice"].str.len_chars() > 10).all()
    tracks = query(checkout.home, "SELECT * FROM tracks")
    assert set(tracks["file"]) == USED
    by_file = {row["file"]: row for row in tracks.to_dicts()}
    assert by_file["six channels.wav"]["channels"] == 6
    assert by_file["8 kHz mono.wav"]["verdict"] == "flagged"
    assert by_file["8 kHz mono.wav"]["flags"] == ["upper_edge"]
    assert query(checkout.home, "SELECT count(*) AS n FROM excerpts")["n"][0] == 4  # flagged: none


def failure(checkout, *arguments):
    """Run a command that must fail; return its one sentence."""
    finished = checkout.musqa(*arguments, check=False)
    assert finished.returncode == 1, finished.stderr
    assert "Traceback" not in finished.stderr
    sentences = [line for line in finished.stderr.splitlines() if line.startswith("error: ")]
    assert len(sentences) == 1, finished.stderr
    return sentences[0]


def no_half_file(folder):
    return not [path for path in folder.rglob("*") if path.suffix == ".tmp"]


def test_an_empty_folder_is_no_catalog(tmp_path, finished):
    (tmp_path / "nothing").mkdir()
    sentence = failure(finished, "catalog", "add", str(tmp_path / "nothing"))
    assert "no audio file" in sentence


def test_an_unknown_catalog_and_an_unknown_preset_key_say_what_to_use(tmp_path, finished):
    sentence = failure(finished, "run", "--preset", "tiny.toml", "--catalog", "tini")
    assert "catalog 'tini' is unknown; add it with" in sentence
    (finished.root / "bad.toml").write_text("[dataset]\nsise = 5\n")
    sentence = failure(finished, "run", "--preset", "bad.toml")
    assert "unknown key 'sise'; did you mean 'size'?" in sentence


def test_wrong_usage_exits_with_2(finished):
    assert finished.musqa("run", "--nonsense", check=False).returncode == 2
    assert finished.musqa("catalog", "add", check=False).returncode == 2
    assert finished.musqa("catalog", "add", "/", "--map", "x", check=False).returncode == 2


def test_a_wrong_query_says_why(finished):
    assert "query failed" in failure(finished, "query", "SELECT nonsense FROM labels")


def test_a_missing_ffmpeg_is_named_and_nothing_is_half_written(tmp_path, music, monkeypatch):
    checkout = Checkout.make(tmp_path / "checkout", music)
    monkeypatch.setenv("IMAGEIO_FFMPEG_EXE", "/nowhere/ffmpeg")
    sentence = failure(checkout, "run", "--preset", "tiny.toml", "--until", "degradations")
    assert "ffmpeg" in sentence
    assert no_half_file(checkout.home)
    monkeypatch.delenv("IMAGEIO_FFMPEG_EXE")
    checkout.musqa("run", "--preset", "tiny.toml", "--until", "degradations")


def mount(folder, options):
    """Mount a small file system in memory, or skip where that is not allowed."""
    folder.mkdir(parents=True, exist_ok=True)
    command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)]
    if os.getuid() != 0 or subprocess.run(command, check=False, capture_output=True).returncode:
        pytest.skip("needs root and the right to mount, for a disk that fills up")


def test_a_full_disk_ends_the_run_in_one_sentence_and_space_resumes_it(tmp_path, music):
    checkout = Checkout.make(tmp_path / "checkout", music)
    lake = checkout.home / "lake"
    mount(lake, "size=2m")
    try:
        sentence = failure(checkout, "run", "--preset", "tiny.toml", "--until", "degradations")
        assert "the disk is full: free some space and run again" in sentence
        assert no_half_file(lake)
        subprocess.run(["mount", "-o", "remount,size=200m", str(lake)], check=True)
        done = {p: p.stat().st_ino for p in lake.rglob("*.parquet")}
        checkout.musqa("run", "--preset", "tiny.toml", "--until", "degradations")
        assert {p: p.stat().st_ino for p in done} == done
        assert query(checkout.home, "SELECT count(*) AS n FROM degradations")["n"][0] == 18
    finally:
        subprocess.run(["umount", str(lake)], check=True)


def test_a_read_only_lake_is_named_with_what_to_do(tmp_path, music):
    checkout = Checkout.make(tmp_path / "checkout", music)
    mount(checkout.home / "lake", "ro,size=1m")
    try:
        sentence = failure(checkout, "run", "--preset", "tiny.toml", "--until", "tracks")
        assert "read-only: name a folder you can write" in sentence
    finally:
        subprocess.run(["umount", str(checkout.home / "lake")], check=True)


def test_outside_a_checkout_the_command_says_so(tmp_path, finished):
    environment = {k: v for k, v in finished.environment.items() if not k.startswith("MUSQA_P")}
    environment["MUSQA_HOME"] = str(finished.home)
    run = run_musqa("run", "--catalog", "tiny", cwd=tmp_path, environment=environment)
    assert run.returncode == 1
    assert "change into one, or set MUSQA_PROJECT" in run.stderr
