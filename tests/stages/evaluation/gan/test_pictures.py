"""The growing picture of a GAN: what its checkpoints generate beside what it learns from."""

from __future__ import annotations

import dataclasses
import io

import numpy as np
import pytest
import torch
from PIL import Image

from musqa_pipeline.audio.excerpts.segments import SEGMENT_SAMPLES
from musqa_pipeline.audio.features.pcm import pcm_at_rate
from musqa_pipeline.audio.files.signals import read_stereo
from musqa_pipeline.core.errors import LakeError
from musqa_pipeline.learning.gan.images import images_of
from musqa_pipeline.learning.gan.recipe import GanRecipe
from musqa_pipeline.learning.training.kept import kept_files
from musqa_pipeline.stages.evaluation.gan import pictures
from musqa_pipeline.stages.evaluation.gan.pictures import GrowingImages
from musqa_pipeline.stages.gans.stage import list_units
from tests.audio.sounds import write
from tests.stages.gan_scores.small_scores import trained
from tests.stages.gans.small_gans import TINY, with_gans


@pytest.fixture
def drawn(monkeypatch):
    """Grids that were drawn, as they were asked for."""
    asked, draw = [], pictures.image_grid

    def noted(rows, side, made):
        asked.append((rows, side, made))
        return draw(rows, side, made)

    monkeypatch.setattr(pictures, "image_grid", noted)
    return asked


@pytest.fixture(scope="module")
def context(tmp_path_factory):
    return trained(tmp_path_factory.mktemp("growing"))


def files_of(context, unit):
    return kept_files(context.lake.local_folder(context.joint_partition("gans"), unit.unit_id))


def test_each_checkpoint_stands_beside_what_trains(context, drawn):
    (unit,), grow = list_units(context), GrowingImages(context)
    png = grow(unit)
    assert grow(unit) == png
    assert Image.open(io.BytesIO(png)).size[0] > 400
    (rows, side, words), _ = drawn
    assert (side, words) == (64, "generated, step 2")
    assert list(rows) == ["other"]
    made, real = rows["other"]
    assert len(made) == 9  # one class
    whole = read_stereo(context.home / "music/learned.wav").samples
    start = (len(whole) - SEGMENT_SAMPLES) // 2
    pcm = pcm_at_rate(whole[start : start + SEGMENT_SAMPLES], 16_000)
    expected = images_of(torch.from_numpy(pcm)[None], GanRecipe(**TINY).images)[0, 0]
    assert len(real) == 1
    np.testing.assert_allclose(real[0], expected, atol=1e-5)
    last = files_of(context, unit)[-1]
    aside = last.rename(last.with_suffix(".aside"))
    grow(unit)
    aside.rename(last)
    (before, _, words) = drawn[-1]
    assert words == "generated, step 1"
    assert not np.allclose(before["other"][0], made)  # the same noise, another generator
    assert before["other"][1] is real


def test_without_a_checkpoint_there_is_no_picture(context):
    (other,) = list_units(with_gans(context, recipes={"tiny": TINY | {"d_width": 4}}))
    assert GrowingImages(context)(other) is None


def test_a_checkpoint_that_is_replaced_meanwhile_shows_nothing_and_a_damaged_one_is_told(
    context, monkeypatch
):
    (unit,) = list_units(context)
    gone = files_of(context, unit)[-1].with_name("networks-00007.pt")
    monkeypatch.setattr(pictures, "kept_files", lambda folder: [gone])
    assert GrowingImages(context)(unit) is None
    gone.write_bytes(b"no weights")
    with pytest.raises(LakeError, match=r"networks-00007\.pt"):
        GrowingImages(context)(unit)
    gone.unlink()


def test_tracks_that_show_nothing_are_passed_over(context, tmp_path):
    (track,) = pictures.listed_music(context).of_part("train")
    spec = GanRecipe(**TINY).images
    silent, short = tmp_path / "silent.wav", tmp_path / "short.wav"
    write(silent, np.zeros((48_000 * 11, 2)), subtype="PCM_16")
    write(short, np.zeros((48_000, 2)), subtype="PCM_16")
    assert pictures._image_of_middle(track, spec).shape == (64, 64)
    others = {"path": None}, {"path": str(silent)}, {"path": str(tmp_path / "gone.wav")}
    for other in (*others, {"path": str(short), "duration_s": 1.0}):
        assert pictures._image_of_middle({**track, **other}, spec) is None
    music = pictures.listed_music(context)
    twice = dataclasses.replace(music, tracks=(track, {**track, "track_id": "b"}))
    learned = GrowingImages(context)._learned(twice, spec, 3)
    assert [len(images) for images in learned.values()] == [1]  # one recording
