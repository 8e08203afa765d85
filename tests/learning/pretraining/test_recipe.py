"""The two recipes have the sizes that they are said to have."""

from dataclasses import replace

import pytest
import torch

from musqa_pipeline.core.errors import SettingsError
from musqa_pipeline.learning.pretraining.recipe import PAPER, RECIPES, SMALL, Wav2Vec2Architecture
from musqa_pipeline.learning.pretraining.wav2vec2 import build_body, build_pretraining
from tests.learning.pretraining.tiny_wav2vec2 import ARCHITECTURE, TINY

SIZES = {"paper": (94_371_712, 95_044_608), "small": (801_632, 834_656)}


def n_parameters(network):
    return sum(parameter.numel() for parameter in network.parameters())


@pytest.mark.parametrize("name", SIZES)
def test_parameters_are_as_many_as_they_should_be(name):
    architecture = RECIPES[name].architecture
    with torch.device("meta"):
        networks = build_body(architecture), build_pretraining(architecture)
    assert tuple(map(n_parameters, networks)) == SIZES[name]


def test_both_have_50_frames_a_second():
    assert PAPER.architecture.n_frames(160_000) == 499
    assert (PAPER.n_frames, SMALL.n_frames) == (781, 98)
    for recipe in RECIPES.values():
        n_more = recipe.architecture.n_frames(176_000) - recipe.architecture.n_frames(160_000)
        assert n_more == 50


@pytest.mark.parametrize("n_samples", [0, 10, 51, 52, 1_600, 1_607, 1_608])
def test_frames_are_those_of_the_convolutions(n_samples):
    expected = 0
    if n_samples >= 90:  # 20 + (8 - 1) * 10
        network = build_body(ARCHITECTURE)
        expected = network(torch.randn(1, n_samples)).last_hidden_state.shape[1]
    assert ARCHITECTURE.n_frames(n_samples) == expected


def test_the_rate_rises_evenly_and_falls_evenly_to_nothing():
    assert PAPER.learning_rate_of(31_999) == 5e-4
    assert PAPER.learning_rate_of(15_999) == pytest.approx(2.5e-4)
    assert PAPER.learning_rate_of(216_000) == pytest.approx(2.5e-4)
    assert 0 < PAPER.learning_rate_of(399_999) < 2e-9


def test_codes_are_drawn_at_temperatures_that_fall_to_a_half():
    assert PAPER.gumbel_temperature_of(0) == 2
    assert PAPER.gumbel_temperature_of(100_000) == pytest.approx(2 * 0.60653, rel=1e-4)
    assert PAPER.gumbel_temperature_of(277_258) > 0.5
    assert PAPER.gumbel_temperature_of(277_259) == 0.5


def test_what_cannot_be_is_refused():
    with pytest.raises(SettingsError, match="7 conv_dim, 2 conv_kernel and 7 conv_stride: expec"):
        Wav2Vec2Architecture(conv_kernel=(3, 3))
    with pytest.raises(SettingsError, match=r"hidden_size=768: .* of num_attention_heads=5"):
        Wav2Vec2Architecture(num_attention_heads=5)
    with pytest.raises(SettingsError, match="updates=7: expected a multiple of checkpoint_updates"):
        replace(TINY, updates=7)
    with pytest.raises(SettingsError, match="warmup_updates=6: expected fewer than updates=6"):
        replace(TINY, warmup_updates=6)
    with pytest.raises(SettingsError, match=r"crop_samples=369 make 7 frames: .*mask_frames=4"):
        replace(TINY, crop_samples=369)


def test_a_training_is_gone_on_with_whatever_is_kept_of_it():
    assert replace(TINY, kept_checkpoints=9).identity() == TINY.identity()
    assert replace(TINY, updates=8).identity() != TINY.identity()
    assert TINY.identity()["architecture"]["conv_dim"] == [8, 12]
