"""`musqa representations reconstruct`: sound and picture of music through an autoencoder."""

from __future__ import annotations

import io

import numpy as np
import pytest
import soundfile
from PIL import Image
from typer.testing import CliRunner

from musqa_pipeline.audio.metrics.perceptual.opinions import PairImages
from musqa_pipeline.cli.representations import app
from musqa_pipeline.core.errors import MusqaError
from musqa_pipeline.learning.autoencoders.measures import measure
from musqa_pipeline.learning.autoencoders.reconstruction import reconstruct
from musqa_pipeline.learning.autoencoders.train import untrained
from tests.audio.music import music
from tests.stages.reconstructions.untrained_run import RECIPE, publish_untrained


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    folder = tmp_path_factory.mktemp("home")
    publish_untrained(folder, 0, 1)
    return folder


@pytest.fixture(scope="module")
def song(tmp_path_factory):
    path = tmp_path_factory.mktemp("song") / "a b é.wav"
    soundfile.write(path, music(3 * 48_000, seed=1), 48_000, subtype="FLOAT")
    return path


def ask(home, *arguments):
    words = ["reconstruct", *map(str, arguments)]
    return CliRunner().invoke(app, words, env={"MUSQA_HOME": str(home)})


def test_a_part_of_a_file_is_heard_and_seen(home, song, tmp_path):
    wav, png = tmp_path / "out.wav", tmp_path / "out.png"
    asked = ("--run", "mse-white-1", "--start-s", "1", "--duration-s", "1.5")
    said = ask(home, song, *asked, "--wav", wav, "--png", png)
    assert said.exit_code == 0, said.output
    samples, rate_hz = soundfile.read(song, dtype="float32")
    images = PairImages(samples[48_000 : 48_000 + 72_000])
    made = measure(images.reference, reconstruct(untrained(RECIPE, 1), images.reference))
    assert f"mse-white-1 after 2 steps: PSNR {float(made.psnr_db):.1f} dB" in said.stdout
    sound, found_hz = soundfile.read(wav)
    assert found_hz == rate_hz
    assert sound.ndim == 1
    assert abs(len(sound) - 72_000) < 768
    assert np.isfinite(sound).all()
    assert "ViSQOL" in said.stdout
    assert Image.open(io.BytesIO(png.read_bytes())).size > (100, 100)
    again = ask(home, song, "--wav", wav)
    assert isinstance(again.exception, MusqaError)
    assert "exists; name a new file" in str(again.exception)


def test_the_first_training_answers_where_none_is_named(home, song):
    said = ask(home, song, "--stop", "best")
    assert said.exit_code == 0
    assert "mse-white-0 after 1 steps" in said.stdout
    assert "ViSQOL" not in said.stdout


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--run", "nlpd-white-0"), "there is mse-white-0, mse-white-1"),
        (("--stop", "settled"), "its loss had not settled by its end; take last"),
        (("--start-s", "9"), "it lasts 3.00 s; --start-s 9 is behind its end"),
        (("--start-s", "2.5"), "an image"),
    ],
)
def test_what_cannot_be_is_one_sentence(home, song, arguments, words):
    said = ask(home, song, *arguments)
    assert isinstance(said.exception, MusqaError)
    assert words in str(said.exception)


def test_wrong_names_and_an_empty_home_are_refused(home, song, tmp_path):
    assert ask(home, song, "--wav", tmp_path / "x.mp3").exit_code == 2
    publish_untrained(tmp_path / "empty")
    said = ask(tmp_path / "empty", song)
    assert isinstance(said.exception, MusqaError)
    assert "no autoencoder is trained here; name a loss in" in str(said.exception)
