"""Files as metrics get them: mixed, resampled, and refused in plain words."""

import os
import re
import tempfile
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
import soundfile
import soxr

from musqa_pipeline.audio.files.signals import read_signal
from musqa_pipeline.core.errors import UnfitInputError
from tests.audio.bombs import BOMBS, flac
from tests.audio.sounds import noise, write
from tests.nobody import refusal_as_nobody


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
    "missing.wav": (
        lambda path: None,
        "No such file or directory; check the path and your permission",
    ),
    "folder.wav": (lambda path: path.mkdir(), "it is no regular file; name an audio file"),
    "empty.wav": (lambda path: path.touch(), "the file has 0 bytes; get the file again"),
    "picture.wav": (jpeg, "the file holds no audio stream"),
    "truncated.flac": (truncated, "s of 2.0 s"),
    "nan.wav": (not_finite, "2 samples or more are NaN or infinite; write the file again"),
    "header.wav": (lambda path: soundfile.write(path, [], 48_000), "it holds no sample"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_what_cannot_be_read_is_named(tmp_path, name):
    make, message = BROKEN[name]
    make(tmp_path / name)
    with pytest.raises(UnfitInputError, match=re.escape(message)) as caught:
        read_signal(tmp_path / name)
    if name in ("picture.wav", "truncated.flac"):
        assert "get the file again, or export it anew from its source" in caught.value.advice


def test_no_permission_is_said_so():
    with tempfile.TemporaryDirectory() as name:  # pytest's own folders are closed to others
        Path(name).chmod(0o755)
        path = write(Path(name) / "secret.wav", noise(0.5))
        path.chmod(0)
        found = refusal_as_nobody(read_signal, path)
    assert re.search(r"Permission denied; check the path and your permission", found)


LIMITS = {
    "one hertz.wav": "odd_format: 1 Hz; resample it to 4000 to 768000 Hz",
    "255 channels.wav": "odd_format: 255 channels; give it 1 to 64 channels",
    "a day of silence.flac": "too_long: the header says 23.0 h, the limit is 10 min; cut it into",
    "one packet.m4a": "too_long: the header says 3.0 h, the limit is 10 min; cut it into parts",
    "chained.ogg": "too_long: it goes on decoding, the limit is 10 min; cut it into parts",
}


@pytest.mark.parametrize("name", LIMITS)
def test_what_is_out_of_the_limits_is_refused_before_it_fills_memory(tmp_path, name):
    BOMBS[name](tmp_path / name)
    with pytest.raises(UnfitInputError, match=re.escape(LIMITS[name])):
        read_signal(tmp_path / name)


def test_a_high_rate_is_not_held_in_memory(tmp_path):
    path = tmp_path / "wide.flac"
    path.write_bytes(flac(20.0, 655_350, 8))
    tracemalloc.start()
    signal = read_signal(path)
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert signal.duration_s == pytest.approx(20.0, abs=0.1)
    assert peak_bytes < 3 * signal.samples.nbytes + 20e6 < 20 * 655_350 * 4


def test_a_stream_is_resampled_as_a_whole_is(tmp_path):
    samples = noise(5.0, rate_hz=44_100)[:, 0]
    path = write(tmp_path / "cd.wav", samples, 44_100, subtype="FLOAT")
    expected = soxr.resample(samples, 44_100, 48_000, quality="VHQ")
    np.testing.assert_array_equal(read_signal(path).samples, expected)
