"""Files as metrics get them: mixed, resampled, and refused in plain words."""

import os
import re
import tempfile
from pathlib import Path

import numpy as np
import pytest
import soundfile

from musqa_pipeline.errors import UnfitInputError
from musqa_pipeline.labels.signals import read_signal
from tests.nobody import refusal_as_nobody
from tests.tracks.sounds import noise, write


@pytest.mark.parametrize("name", ["a.wav", "two words.flac", "café ñ 日本.wav", "a.mp3", "a.ogg"])
def test_any_format_and_name_is_read_as_mono_at_48_khz(tmp_path, name):
    samples = noise(1.0, channels=2)
    signal = read_signal(write(tmp_path / name, samples))
    assert signal.samples.dtype == np.float32
    assert signal.samples.shape == (48_000,)
    assert signal.duration_s == 1.0
    assert signal.warnings == ()
    if not name.endswith(("mp3", "ogg")):
        np.testing.assert_allclose(signal.samples, samples.mean(axis=1), atol=2**-15)


def test_a_name_that_is_no_utf8_is_read(tmp_path):
    path = tmp_path / os.fsdecode(b"caf\xe9.wav")
    assert read_signal(write(path, noise(0.5))).duration_s == 0.5


def test_six_channels_become_their_mean(tmp_path):
    samples = noise(0.5, channels=6)
    signal = read_signal(write(tmp_path / "six.wav", samples, subtype="FLOAT"))
    np.testing.assert_allclose(signal.samples, samples.mean(axis=1), atol=1e-7)


def test_other_rates_are_resampled_and_said(tmp_path):
    time_s = np.arange(44_100) / 44_100
    tone = 0.5 * np.sin(2 * np.pi * 1000 * time_s)
    signal = read_signal(write(tmp_path / "cd.wav", tone, 44_100, subtype="FLOAT"))
    assert signal.warnings == ("resampled from 44,100 Hz to 48,000 Hz",)
    expected = 0.5 * np.sin(2 * np.pi * 1000 * np.arange(48_000) / 48_000)
    np.testing.assert_allclose(signal.samples[4_800:-4_800], expected[4_800:-4_800], atol=1e-4)


def test_clipping_is_said_and_a_lone_peak_is_not(tmp_path):
    samples = 0.5 * noise(0.5, channels=2)
    samples[100, 0] = samples[200:202, 1] = 1.0
    assert read_signal(write(tmp_path / "peak.wav", samples)).warnings == ()
    samples[300:305, 1] = -1.0
    samples[400:403, 0] = 1.0
    (warning,) = read_signal(write(tmp_path / "clipped.wav", samples)).warnings
    assert warning == "clipped: 8 samples in a row at or over full scale"


def jpeg(path):
    path.write_bytes(b"\xff\xd8\xff\xe0\0\x10JFIF\0" + bytes(range(256)) * 8)


def truncated(path):
    whole = write(path, noise(2.0)).read_bytes()
    path.write_bytes(whole[: len(whole) // 2])


def not_finite(path):
    samples = noise(0.5)
    samples[7:9] = np.nan
    write(path, samples, subtype="FLOAT")


BROKEN = {
    "missing.wav": (lambda path: None, "there is no such file; check its path"),
    "folder.wav": (lambda path: path.mkdir(), "it is a folder or a device; name a file of audio"),
    "empty.wav": (lambda path: path.touch(), "the file is empty (0 bytes); copy it again"),
    "picture.wav": (jpeg, "the file holds no audio stream"),
    "truncated.flac": (truncated, "s of 2.0 s"),
    "nan.wav": (not_finite, "2 samples or more are NaN or infinite; write the file again"),
    "header.wav": (lambda path: soundfile.write(path, [], 48_000), "it holds no samples"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_what_cannot_be_read_is_named(tmp_path, name):
    make, message = BROKEN[name]
    make(tmp_path / name)
    with pytest.raises(UnfitInputError, match=re.escape(message)) as caught:
        read_signal(tmp_path / name)
    if name in ("picture.wav", "truncated.flac"):
        assert "copy it again, or convert it to WAV or FLAC" in caught.value.advice


def test_no_permission_is_said_so():
    with tempfile.TemporaryDirectory() as name:  # pytest's own folders are closed to others
        Path(name).chmod(0o755)
        path = write(Path(name) / "secret.wav", noise(0.5))
        path.chmod(0)
        found = refusal_as_nobody(read_signal, path)
    assert re.search(r"cannot be opened .*check permissions", found)
