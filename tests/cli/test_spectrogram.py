"""`musqa spectrogram`: a picture, what it says, and what it refuses."""

import json

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from musqa_pipeline.cli.app import command_line
from musqa_pipeline.core.errors import SettingsError, UnfitInputError
from tests.audio.sounds import write


def run(*words):
    return CliRunner().invoke(command_line("spectrogram"), ["spectrogram", *map(str, words)])


@pytest.fixture
def song(tmp_path):
    noise = np.random.default_rng(0).standard_normal((96_000, 2)).astype(np.float32) / 9
    return write(tmp_path / "song.flac", noise, format="FLAC", subtype="PCM_16")


def test_a_picture_is_written_and_told(song, tmp_path):
    out = tmp_path / "a.png"
    ended = run(song, "-o", out, "--scale", "mel", "--channel", "side", "--start-s", 0.5, "--json")
    assert ended.exit_code == 0, ended.output
    told = json.loads(ended.stdout)
    assert told["picture"] == str(out)
    assert (told["start_s"], told["stop_s"], told["high_hz"]) == (0.5, 2.0, 24_000)
    assert (told["scale"], told["channel"], told["channels"]) == ("mel", "side", 2)
    assert told["ceiling_db"] - told["floor_db"] == 90
    with Image.open(out) as image:
        assert (image.format, image.size) == ("PNG", (1_280, 480))


def test_a_file_that_is_there_stays(song, tmp_path):
    out = tmp_path / "a.png"
    out.write_bytes(b"mine")
    ended = run(song, "-o", out)
    assert isinstance(ended.exception, SettingsError)
    assert str(ended.exception) == f"{out} exists; name a new file"
    assert out.read_bytes() == b"mine"


def test_another_ending_is_wrong_usage(song, tmp_path):
    ended = run(song, "-o", tmp_path / "a.jpg")
    assert ended.exit_code == 2
    assert "does not end in .png" in ended.stderr


def test_what_the_recording_has_not_is_an_error_and_no_file(song, tmp_path):
    out = tmp_path / "a.png"
    for words, kind, text in (
        ((song, "--start-s", 9), SettingsError, "start_s 9: the recording ends at 2.0 s"),
        ((song, "--channel", "3"), SettingsError, "channel 3: the recording has 2 channels"),
        ((tmp_path / "none.wav",), UnfitInputError, "No such file"),
        ((tmp_path,), UnfitInputError, "it is no regular file"),
    ):
        ended = run(*words, "-o", out)
        assert isinstance(ended.exception, kind), ended.output
        assert text in str(ended.exception)
    assert not out.exists()
