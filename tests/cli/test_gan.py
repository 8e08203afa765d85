"""`musqa gan degrade`: a file in, a degraded one out; what cannot be read is told in a sentence."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from musqa_pipeline.audio.degradations.intensity import (
    INTENSITY_DEGRADATIONS,
    IntensityParams,
    at_loudness,
)
from musqa_pipeline.audio.files.signals import read_stereo
from musqa_pipeline.audio.measures.loudness import integrated_lufs
from musqa_pipeline.core.errors import UnfitInputError
from tests.audio.music import music
from tests.audio.sounds import write

KINDS = ("distortion", "limiter", "lowpass", "noise")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("gan")
    left = music()[:144_000] * np.float32(0.3)
    stereo = np.stack([left, np.roll(left, 100)], axis=1)
    soundfile.write(folder / "café song.wav", stereo, 48_000, subtype="FLOAT")
    write(folder / "mono 8k.wav", left[::6], 8_000)
    soundfile.write(folder / "six.wav", np.zeros((48_000, 6)), 48_000)
    write(folder / "silence.wav", np.zeros(96_000, np.float32))
    (folder / "empty.wav").touch()
    (folder / "picture.wav").write_bytes(b"\xff\xd8\xff\xe0 JFIF")
    whole = (folder / "café song.wav").read_bytes()
    (folder / "cut.wav").write_bytes(whole[: len(whole) // 2])
    nan = left.copy()
    nan[5] = np.nan
    write(folder / "nan.wav", nan, subtype="FLOAT")
    return folder


def degrade(*arguments, cwd):
    return subprocess.run(
        [sys.executable, "-m", "musqa_pipeline.cli", "gan", "degrade", *map(str, arguments)],
        capture_output=True, text=True, cwd=cwd, check=False,
    )  # fmt: skip


def test_a_file_is_degraded_as_the_class_does_it(folder, tmp_path):
    source, out = folder / "café song.wav", tmp_path / "déjà.wav"
    ended = degrade(source, "--kind", "limiter", "--intensity", "80", out, cwd=tmp_path)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert "intensity=80.0" in ended.stdout
    found, rate_hz = soundfile.read(out, dtype="float32")
    x = soundfile.read(source, dtype="float32")[0]
    limiter = INTENSITY_DEGRADATIONS["intensity_limiter"]
    assert rate_hz == 48_000
    np.testing.assert_array_equal(found, limiter.apply(x, IntensityParams(80)))
    again = degrade(source, "--kind", "limiter", "--intensity", "80", out, cwd=tmp_path)
    assert again.returncode == 1
    assert "exists; name a new file" in again.stderr


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("six.wav", "6 channels, one or two are needed; mix it to stereo"),
        ("empty.wav", "empty"),
        ("picture.wav", "no audio stream"),
        ("cut.wav", "it ends after 1.5 s, its header promises 3.0 s"),
        ("nan.wav", "NaN or infinite"),
        ("silence.wav", "no loudness"),
        ("absent.wav", "No such file"),
    ],
)
def test_what_cannot_be_degraded_is_told_and_nothing_is_written(folder, tmp_path, name, words):
    arguments = (folder / name, tmp_path / "out.wav", "--kind", "noise", "--intensity", "5")
    ended = degrade(*arguments, "--level", "lufs:-14", cwd=tmp_path)
    assert ended.returncode == 1
    assert f"{folder / name}: " in ended.stderr
    assert words in ended.stderr
    assert len(ended.stderr.splitlines()) == 1
    assert not list(tmp_path.iterdir())


def test_what_cannot_be_written_is_told_in_a_sentence(folder, tmp_path):
    out = Path("/proc/out.wav")  # in a folder in which nobody can make a file
    arguments = (folder / "café song.wav", out, "--kind", "noise", "--intensity", "5")
    ended = degrade(*arguments, cwd=tmp_path)
    assert ended.returncode == 1
    assert ended.stderr.startswith(f"error: cannot write {out}: No such file")
    assert len(ended.stderr.splitlines()) == 1


def test_another_ending_is_wrong_usage(folder, tmp_path):
    arguments = (folder / "café song.wav", "out.mp3", "--kind", "noise", "--intensity", "5")
    assert degrade(*arguments, cwd=tmp_path).returncode == 2


def test_one_channel_of_another_rate_becomes_two_at_48_khz(folder):
    signal = read_stereo(folder / "mono 8k.wav")
    assert signal.samples.shape == (144_000, 2)
    np.testing.assert_array_equal(signal.samples[:, 0], signal.samples[:, 1])
    assert signal.warnings == ("resampled from 8,000 Hz to 48,000 Hz",)


def test_the_level_is_reached_unless_a_peak_would_be_above_one(folder):
    x = read_stereo(folder / "café song.wav").samples
    loud = at_loudness(x, target_lufs=-30.0)
    assert integrated_lufs(loud) == pytest.approx(-30, abs=0.1)
    sharp = x * np.float32(0.1)
    sharp[1_000] = 0.9
    found = at_loudness(sharp)
    assert np.abs(found).max() == pytest.approx(1.0, abs=1e-6)
    assert integrated_lufs(found) < -14
    with pytest.raises(UnfitInputError, match=r"0\.4 s or more"):
        at_loudness(x[:19_000])
