"""Noise and parts of music follow from seed and step alone."""

from dataclasses import replace

import numpy as np
import pytest

from musqa_pipeline.core.errors import SettingsError, UnfitInputError
from musqa_pipeline.learning.autoencoders.inputs import (
    InputBatches,
    music_parts,
    pink_noise,
    tiles_of,
    white_noise,
)
from tests.learning.autoencoders.tiny_autoencoder import TINY, made_up_images

MUSIC = made_up_images()


@pytest.mark.parametrize("inputs", ["white", "pink", "music"])
def test_images_of_a_step_do_not_depend_on_the_way_there(inputs):
    recipe = replace(TINY, inputs=inputs)
    every = [images for epoch in range(3) for images, _ in InputBatches(recipe, 5, MUSIC)(epoch)]
    assert len(every) == 6
    for step in (5, 0, 3):
        assert np.array_equal(InputBatches(recipe, 5, MUSIC).images(step), every[step])
    longer = replace(recipe, checkpoint_steps=6)
    assert np.array_equal(
        np.stack(every), np.stack([i for i, _ in InputBatches(longer, 5, MUSIC)()])
    )
    assert not np.array_equal(every[0], every[1])
    assert not np.array_equal(every[0], InputBatches(recipe, 6, MUSIC).images(0))
    assert every[0].shape == (2, 32, 32)
    assert every[0].dtype == np.float32


@pytest.mark.parametrize("loss", ["ms_ssim", "nlpd"])
def test_all_losses_see_the_same(loss):
    one, other = (InputBatches(replace(TINY, loss=name), 0) for name in ("mse", loss))
    assert np.array_equal(one.images(4), other.images(4))


def test_white_noise_is_uniform():
    noise = white_noise(8, 128, seed=0, step=0)
    assert 0 <= noise.min() < noise.max() < 1
    assert noise.mean() == pytest.approx(0.5, abs=0.005)
    assert noise.std() == pytest.approx(12**-0.5, abs=0.002)


def test_amplitude_of_pink_noise_falls_as_1_over_f_along_both_axes():
    noise = np.concatenate([pink_noise(8, 64, seed=0, step=step) for step in range(20)])
    assert (noise.min(axis=(1, 2)) == 0).all()
    assert (noise.max(axis=(1, 2)) == 1).all()
    power = np.square(np.abs(np.fft.fft2(noise))).mean(axis=0)
    for line in (power[0, 1:32], power[1:32, 0], np.diagonal(power)[1:32]):
        slope = np.polyfit(np.log(np.arange(1, 32)), np.log(line), 1)[0]
        assert slope == pytest.approx(-2, abs=0.1)
    assert power[0, 8] == pytest.approx(power[8, 0], rel=0.3)


def test_parts_of_music_are_parts_of_it():
    music = np.arange(2 * 40 * 70, dtype=np.float32).reshape(2, 40, 70)
    parts = music_parts(music, 30, 16, seed=0, step=0)
    corners = parts[:, 0, 0].astype(int)
    for part, corner in zip(parts, corners, strict=True):
        k, f, t = np.unravel_index(corner, music.shape)
        assert np.array_equal(part, music[k, f : f + 16, t : t + 16])
    assert len(set(corners)) > 25
    assert {corner // (40 * 70) for corner in corners} == {0, 1}


def test_music_that_is_wanted_has_to_be_there_and_large_enough():
    with pytest.raises(SettingsError, match="inputs='music' without music; give images"):
        InputBatches(replace(TINY, inputs="music"), 0)
    with pytest.raises(UnfitInputError, match="give at least one, of 64 bands and frames or more"):
        music_parts(MUSIC, 1, 64, seed=0, step=0)


def test_tiles_lie_beside_each_other():
    images = np.arange(2 * 5 * 9).reshape(2, 5, 9)
    tiles = tiles_of(images, 4)
    assert tiles.shape == (4, 4, 4)
    assert np.array_equal(tiles[1], images[0, :4, 4:8])
    assert np.array_equal(tiles[2], images[1, :4, :4])
