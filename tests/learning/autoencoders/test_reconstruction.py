"""Images whole and in tiles, and the sound that comes out."""

import numpy as np
import pytest
import torch

from musqa_pipeline.audio.metrics.perceptual.opinions import PairImages
from musqa_pipeline.audio.metrics.visqol import Reference
from musqa_pipeline.core.errors import UnfitInputError
from musqa_pipeline.learning.autoencoders.reconstruction import Heard, reconstruct, sound_of
from musqa_pipeline.learning.autoencoders.train import untrained
from tests.learning.autoencoders.tiny_autoencoder import TINY, made_up_images

NETWORK = untrained(TINY, 0)


def test_whole_images_are_what_the_network_says_clipped_and_one_by_one():
    images = torch.from_numpy(made_up_images())[:, None]
    found = reconstruct(NETWORK, images)
    torch.testing.assert_close(found, NETWORK(images).clamp(0, 1))
    assert torch.equal(reconstruct(NETWORK, images[1:2]), found[1:2])


def test_tiles_are_reconstructed_alone_and_edges_are_repeated_to_fill_the_last():
    images = torch.from_numpy(made_up_images())[:, None]
    found = reconstruct(NETWORK, images, tile_cells=32)
    assert found.shape == images.shape == (3, 1, 40, 70)
    torch.testing.assert_close(
        found[..., :32, 32:64], reconstruct(NETWORK, images[..., :32, 32:64])
    )
    corner = images[:, :, 32:, 64:]
    filled = torch.nn.functional.pad(corner, (0, 26, 0, 24), mode="replicate")
    torch.testing.assert_close(found[:, :, 32:, 64:], reconstruct(NETWORK, filled)[:, :, :8, :6])


def test_borders_alone_tell_tiles_from_the_whole():
    images = torch.from_numpy(made_up_images(1, 128, 256))[:, None]
    apart = (reconstruct(NETWORK, images) - reconstruct(NETWORK, images, tile_cells=128)).abs()
    # A cell depends on less than 60 beside it: two cells a tap, at strides 1, 2 and 4, both ways.
    assert float(apart[..., :64].max()) == 0
    assert float(apart[..., 120:136].max()) > 0.01


@pytest.fixture(scope="module")
def music():
    """A second of notes."""
    time_s = np.arange(48_000) / 48_000
    notes = np.repeat([220, 330, 440, 392], 12_000)
    fading = np.exp(-3 * (time_s % 0.25))
    tones = sum(np.sin(2 * np.pi * notes * k * time_s) / k for k in range(1, 6))
    return (0.2 * tones * fading).astype(np.float32)


def test_sound_of_an_image_has_that_image(music):
    images = PairImages(music)
    sound = sound_of(images.reference[0, 0].numpy(), images.loudest_db)
    assert sound.shape == (62 * 768,)
    again = images.degraded(sound)
    untold = np.random.default_rng(0).standard_normal(len(music)).astype(np.float32)
    error, other = (
        float((image - images.reference).square().mean())
        for image in (again, images.degraded(untold))
    )
    assert error < 0.01 < 0.1 < other


def test_what_is_heard_is_visqol_s_of_the_sound_of_an_image(music):
    images = PairImages(music)
    heard, made = Heard(music, images), reconstruct(NETWORK, images.reference)
    sounds = [
        sound_of(image[0, 0].numpy(), images.loudest_db) for image in (made, images.reference)
    ]
    expected = [Reference(music).score(sound).mos for sound in sounds]
    assert [heard.mos(made), heard.untouched_mos] == expected
    assert abs(expected[0] - expected[1]) > 0.01


def test_silence_is_refused():
    with pytest.raises(UnfitInputError, match="silent"):
        Heard(np.zeros(48_000, np.float32), PairImages(np.ones(48_000, np.float32)))
