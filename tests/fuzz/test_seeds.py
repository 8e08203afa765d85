"""All seeds of the fuzzer, findings too, are read again: accepted or refused, never worse."""

import subprocess
import sys

import pytest
import soundfile

from fuzz import corpora
from fuzz.corpora import KEPT, unpack
from fuzz.targets import SEEDS, TARGETS, accepts_or_refuses, seed_folder
from musqa_pipeline.audio.files.soundfile_names import StreamedFile
from musqa_pipeline.release.rebuild import checking, replay
from tests import ROOT
from tests.audio.coded import bursts, encode

CASES = [
    pytest.param(name, path, id=f"{name}-{path.name}")
    for name in TARGETS
    for path in sorted(seed_folder(name).iterdir())
]
FINDING = "finding-"
"""Seeds with this name were found by the fuzzer or by hand; they broke a reader once."""


@pytest.mark.parametrize(("name", "path"), CASES)
def test_every_seed_is_accepted_or_refused_with_a_deliberate_error(name, path, tmp_path):
    accepted = accepts_or_refuses(name, path.read_bytes(), tmp_path)
    if not path.name.startswith(FINDING) and not name.startswith("audio_"):
        assert accepted


def test_valid_audio_of_every_kind_is_accepted_by_both_readers(tmp_path):
    accepted = {
        (name, path.name)
        for name in ("audio_tracks", "audio_scoring")
        for path in seed_folder(name).iterdir()
        if path.name.partition("-")[0] in ("wav", "flac", "aiff", "mp3", "caf")
        and accepts_or_refuses(name, path.read_bytes(), tmp_path)
    }
    assert {kind for kind, _ in accepted} == {"audio_tracks", "audio_scoring"}
    assert len(accepted) >= 20


def test_a_reader_that_breaks_is_a_finding(tmp_path, monkeypatch):
    def broken(data, folder):
        raise ZeroDivisionError

    monkeypatch.setitem(TARGETS, "catalog_csv", broken)
    with pytest.raises(ZeroDivisionError):
        accepts_or_refuses("catalog_csv", b"", tmp_path)


def test_a_decoder_that_begins_anew_at_each_block_is_a_finding(tmp_path, monkeypatch):
    coded = encode(tmp_path / "a.mp3", "mp3 32k", bursts(48_000, 1, 1.0), 48_000).read_bytes()
    assert accepts_or_refuses("audio_blocks", coded + b"\2", tmp_path)
    monkeypatch.setattr(StreamedFile, "seekable", soundfile.SoundFile.seekable)
    with pytest.raises(AssertionError):
        accepts_or_refuses("audio_blocks", coded + b"\2", tmp_path)


def test_every_reader_has_its_seeds_and_every_folder_of_seeds_its_reader():
    assert {seed_folder(name) for name in TARGETS} == set(SEEDS.iterdir())


@pytest.mark.long
def test_the_fuzzer_runs_and_finds_nothing_in_seconds(tmp_path):
    pytest.importorskip("atheris", reason="make fuzz installs atheris")
    ended = subprocess.run(
        [sys.executable, "-m", "fuzz.run", "ratings", "--seconds=5", f"--work={tmp_path}"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert "0 findings" in ended.stdout, ended.stdout + ended.stderr[-2000:]
    assert ended.returncode == 0
    assert "stat::number_of_executed_units" in ended.stderr


READ_AGAIN = {"audio_scoring": 3, "keras_file": 5}
"""Inputs of a reader that are read again; each of these costs a child process."""


@pytest.mark.parametrize("name", sorted(path.stem for path in KEPT.glob("*.zip")))
def test_what_earlier_hours_reached_is_accepted_or_refused(name, tmp_path):
    corpus, scratch = tmp_path / "corpus", tmp_path / "scratch"
    corpus.mkdir()
    scratch.mkdir()
    unpack(name, corpus)
    paths = sorted(corpus.iterdir())[: READ_AGAIN.get(name, 60)]
    assert paths
    for path in paths:
        accepts_or_refuses(name, path.read_bytes(), scratch)


@pytest.mark.long
def test_what_an_hour_reached_is_kept_in_a_small_archive(tmp_path, monkeypatch):
    pytest.importorskip("atheris", reason="make fuzz installs atheris")
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    for number, text in enumerate(["file\na.wav\n", "file,recording\na.wav,x\n", "file\na.wav\n"]):
        (corpus / f"{number}").write_text(text)
    monkeypatch.setattr(corpora, "KEPT", tmp_path / "kept")
    monkeypatch.setattr(corpora, "seed_folder", lambda name: tmp_path / "kept")
    (tmp_path / "kept").mkdir()
    assert 1 <= corpora.keep("catalog_csv", corpus) <= 2
    again = tmp_path / "again"
    again.mkdir()
    unpack("catalog_csv", again)
    assert {path.read_bytes() for path in again.iterdir()} <= {
        path.read_bytes() for path in corpus.iterdir()
    }


def test_a_recipe_that_climbs_out_of_its_folder_would_be_a_finding(tmp_path, monkeypatch):
    climbs = (seed_folder("recipe") / "finding-climbs").read_bytes()
    assert not accepts_or_refuses("recipe", climbs, tmp_path)
    anything = {**checking.RULES, "catalog": (lambda value: True, "")}
    monkeypatch.setattr(checking, "RULES", anything)
    assert not accepts_or_refuses("recipe", climbs, tmp_path)  # the path itself is refused, too
    monkeypatch.setattr(replay, "below", lambda folder, *parts: folder.joinpath(*parts))
    with pytest.raises(AssertionError):
        accepts_or_refuses("recipe", climbs, tmp_path)
