"""Levels that no audio has are flagged or refused, before anything overflows; odd input too."""

import csv
import json
import os
import subprocess
import sys
import warnings

import numpy as np
import pytest
import soundfile

from musqa_pipeline.audio.files.limits import MAX_DBTP, ODD_DBTP, check_level
from musqa_pipeline.audio.files.signals import read_signal
from musqa_pipeline.core.errors import UnfitInputError
from musqa_pipeline.scoring.serve.work import score_job
from musqa_pipeline.scoring.stream import monitor
from musqa_pipeline.scoring.sweep.references import cut_references

RATE_HZ = 48_000


def at_level(samples, peak_dbfs):
    """Scale samples so that the largest has a level."""
    return (samples / np.abs(samples).max() * 10 ** (peak_dbfs / 20)).astype(np.float32)


@pytest.fixture(scope="module", autouse=True)
def _no_overflow():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


@pytest.mark.parametrize(
    ("peak_dbfs", "flags"),
    [(-1.0, ()), (ODD_DBTP - 3, ()), (ODD_DBTP + 0.1, ("odd_level",)), (90.3, ("odd_level",))],
)
def test_a_peak_far_above_full_scale_is_a_flag(peak_dbfs, flags, scorer, stereo):
    plain = scorer.score(stereo, RATE_HZ)
    found = scorer.score(at_level(stereo, peak_dbfs), RATE_HZ)
    assert found.flags == flags
    assert found.mos == pytest.approx(plain.mos, abs=1e-3)


@pytest.mark.parametrize("peak_dbfs", [MAX_DBTP + 0.1, 600.0, 770.0])
def test_a_peak_that_no_audio_has_is_refused(peak_dbfs, scorer, stereo):
    with pytest.raises(UnfitInputError, match=rf"odd_level: a peak of {peak_dbfs:.0f} dBTP: no le"):
        scorer.score(at_level(stereo, peak_dbfs), RATE_HZ)


def test_a_peak_between_samples_counts(scorer):
    # A tone at a quarter of the rate, sampled at 45 degrees: 3 dB more lie between its samples.
    tone = np.sqrt(2) * np.sin(np.pi / 2 * np.arange(4 * RATE_HZ) + np.pi / 4)
    with pytest.raises(UnfitInputError, match=r"odd_level: a peak of 12[12] dBTP"):
        scorer.score(at_level(tone, MAX_DBTP - 1), RATE_HZ)


def test_what_float32_cannot_hold_is_refused_and_not_taken_for_infinite(scorer, stereo):
    with pytest.raises(UnfitInputError, match=r"odd_level: a peak of 599. dBTP"):
        scorer.score(stereo.astype(np.float64) * 1e300, RATE_HZ)


def test_what_is_not_finite_has_no_level():
    check_level(np.array([np.nan, np.inf, -np.inf, 0.5], np.float32))
    check_level(np.zeros((0, 2), np.float32))
    with pytest.raises(UnfitInputError, match="odd_level: a peak of 140 dBTP"):
        check_level(np.array([np.nan, -1e7, np.inf], np.float32))


def test_a_stream_of_integers_taken_for_floats_is_refused(scorer, stereo, tmp_path):
    path = tmp_path / "raw"
    path.write_bytes(at_level(stereo, 187.0).tobytes())
    with path.open("rb") as stream, pytest.raises(UnfitInputError, match="odd_level: a peak of"):
        list(monitor(stream, scorer, sample_rate_hz=RATE_HZ, channels=2))


@pytest.fixture(scope="module")
def folder(tmp_path_factory, stereo):
    folder = tmp_path_factory.mktemp("levels")
    for name, peak_dbfs in (("loud", 60.0), ("absurd", 600.0), ("largest", 770.0)):
        path = folder / f"{name}.wav"
        soundfile.write(path, at_level(stereo, peak_dbfs), RATE_HZ, subtype="FLOAT")
    (folder / "text.flac").write_text("hello world, this is a text and no music\n" * 100)
    return folder


def musqa(*arguments, cwd):
    """Run a command in a process of its own in which a warning is an error."""
    environment = {**os.environ, "PYTHONWARNINGS": "error::RuntimeWarning"}
    command = [sys.executable, "-m", "musqa_pipeline.cli", *arguments]
    return subprocess.run(
        command, cwd=cwd, env=environment, capture_output=True, text=True, check=False
    )


SAID = {
    "absurd.wav": "odd_level: a peak of 600 dBTP: no level that audio has",
    "largest.wav": "odd_level: a peak of 770 dBTP: no level that audio has",
    "text.flac": "unknown_format: there is no audio in it, 0 channels; check what it is",
}


def test_the_commands_say_so_and_nothing_else(folder):
    scored = musqa("score", *sorted(p.name for p in folder.iterdir()), "--json", cwd=folder)
    assert scored.stderr == "4 files: 1 scored, 3 failed\n"
    rows = {row["file"]: row for row in map(json.loads, scored.stdout.splitlines())}
    assert rows["loud.wav"]["flags"] == ["odd_level"]
    for name, text in SAID.items():
        assert rows[name]["error"].startswith(text)
    line = musqa("score", "loud.wav", "--no-causes", cwd=folder)
    assert (line.returncode, line.stderr) == (0, "")
    assert "Peaks far above full scale, export it again." in line.stdout


def test_a_scan_says_so(folder, tmp_path):
    scanned = musqa("scan", str(folder), "--out", str(tmp_path / "out"), cwd=tmp_path)
    assert scanned.stderr == "scan: 4/4 files, 3 unreadable\n"
    with (tmp_path / "out" / "scan.csv").open() as file:
        rows = {row["file"]: row for row in csv.DictReader(file)}
    assert rows["loud.wav"]["flags"] == "odd_level"
    for name, text in SAID.items():
        assert text in rows[name]["problem"]


def test_the_server_says_so(folder, model_path, monkeypatch):
    # Its workers limit their own memory, which would be that of all tests after this one.
    monkeypatch.setattr("musqa_pipeline.scoring.serve.work._limit_memory", lambda: None)
    answer = score_job(folder / "loud.wav", 60.0, model_path)
    assert answer["score"]["flags"] == ("odd_level",)
    with pytest.raises(UnfitInputError, match="odd_level: a peak of 600 dBTP"):
        score_job(folder / "absurd.wav", 60.0, model_path)


MUSIC = np.zeros(4 * RATE_HZ, np.float32)


@pytest.mark.parametrize(
    ("recordings", "message"),
    [
        ([MUSIC], r"odd_format: recording 0 is a ndarray, no pair; give pairs \(samples, sample_r"),
        ([(MUSIC, RATE_HZ), 0.5], "odd_format: recording 1 is a float, no pair"),
        ([[0.1, 0.2, 0.3]], "odd_format: recording 0 is a list of 3, no pair"),
        (["track.wav"], "odd_format: recording 0 is a str, no pair"),
        ([(MUSIC, None)], "odd_format: sample_rate_hz=None; give it a whole number of Hz"),
        ([(MUSIC, "48000")], "odd_format: sample_rate_hz='48000'; give"),
        ([([[0.1], [0.1, 0.2]], RATE_HZ)], "odd_format: .*inhomogeneous.*; give it an array"),
    ],
)
def test_a_batch_of_anything_else_is_told_what_to_give(recordings, message, scorer):
    with pytest.raises(UnfitInputError, match=message):
        scorer.score_batch(recordings)


def test_a_batch_of_plain_lists_is_scored(scorer):
    assert [s.abstained for s in scorer.score_batch([[MUSIC.tolist(), RATE_HZ]])] == ["silence"]


def test_labels_and_excerpts_refuse_the_same_levels(folder):
    # Where an excerpt lies follows from the file's bytes, and float WAV holds the time of day.
    for read, peak in (
        (read_signal, "600"),
        (lambda path: cut_references(path, n_per_file=1, name="x"), "(59[0-9]|600)"),
    ):
        with pytest.raises(UnfitInputError, match=f"odd_level: a peak of {peak} dBTP"):
            read(folder / "absurd.wav")
        read(folder / "loud.wav")
