"""NISQA and its simpler sister: counts, pieces, what they see, and that they learn."""

import dataclasses
import re

import numpy as np
import pytest
import torch
from torch import nn

from musqa_pipeline.audio.features.nisqa_mel import N_BANDS, N_FRAMES
from musqa_pipeline.core.seeds import derive_generator
from musqa_pipeline.core.settings.models import ModelsSettings
from musqa_pipeline.learning.entry import InputSpec, TrainingSettings
from musqa_pipeline.learning.networks.nisqa import (
    PIECES_AT_ONCE,
    AttentionPooling,
    ConvMaxPool,
    Nisqa,
    SelfAttention,
)
from musqa_pipeline.learning.predict import predict
from musqa_pipeline.learning.registry import MODELS
from musqa_pipeline.learning.training.checkpoint import read_weights
from musqa_pipeline.learning.training.train import train
from musqa_pipeline.stages.models.recipes import recipe_of

FAMILY = ("nisqa", "nisqa_l1", "convmaxpool")
SMALL = InputSpec(n_frames=63, n_bands=N_BANDS, stage="nisqa_mels")


def built(kind, *, hop=4, training=False):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = kind(hop)
        for module in network.modules():  # as a training would have left them
            if isinstance(module, nn.BatchNorm2d):
                module.running_mean.uniform_(-0.5, 0.5)
                module.running_var.uniform_(0.5, 2.0)
    return network.train(training)


def images(n, n_frames=N_FRAMES, seed=1):
    return torch.rand(n, n_frames, N_BANDS, generator=torch.Generator().manual_seed(seed))


def n_parameters(module):
    return sum(p.numel() for p in module.parameters())


def test_parameters_are_those_of_the_papers():
    nisqa = Nisqa()
    assert n_parameters(nisqa.body) == 134_688
    assert n_parameters(nisqa.attention) == 75_200
    assert n_parameters(nisqa.pooling) == 8_514
    assert n_parameters(nisqa) == 134_688 + 75_200 + 8_514
    assert n_parameters(ConvMaxPool()) == 135_073


@pytest.mark.parametrize(("hop", "n_pieces"), [(4, 247), (16, 62)])
def test_ten_seconds_are_cut_into_overlapping_pieces(hop, n_pieces):
    body = built(Nisqa, hop=hop).body
    features = body(images(2))
    assert features.shape == (2, n_pieces, 384)
    third = body(images(2)[:, 2 * hop : 2 * hop + 15])
    torch.testing.assert_close(features[:, 2], third[:, 0], atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("name", FAMILY)
def test_the_registry_builds_what_eats_the_stages_images(name):
    entry = MODELS[name]
    assert entry.input == InputSpec(n_frames=N_FRAMES, n_bands=N_BANDS, stage="nisqa_mels")
    network = entry.build(TrainingSettings(piece_hop_frames=16)).eval()
    assert network.body.piece_hop_frames == 16
    assert network(images(2)).shape == (2,)


@pytest.mark.parametrize("kind", [Nisqa, ConvMaxPool])
def test_an_answer_does_not_depend_on_its_batch_nor_on_its_place_in_it(kind):
    network = built(kind, hop=16)
    asked = images(18) * torch.linspace(0.1, 1.0, 18)[:, None, None]
    assert PIECES_AT_ONCE < 18 * 62  # more than go through at once
    together = predict(network, [asked])
    alone = predict(network, [image[None] for image in asked])
    turned = predict(network, [asked.flip(0)])[::-1]
    np.testing.assert_allclose(alone, together, rtol=0, atol=1e-5)
    np.testing.assert_allclose(turned, together, rtol=0, atol=1e-5)
    assert np.ptp(together) > 5e-4


@pytest.mark.parametrize("kind", [Nisqa, ConvMaxPool])
def test_every_parameter_learns_and_every_cell_counts(kind):
    network = built(kind, training=True)
    asked = images(3, 75).requires_grad_()
    network(asked).square().sum().backward()
    # A softmax does not hear what is added to all weights; norms take biases away.
    deaf = re.compile(r"matter\.2\.bias|convolutions\.\d\.bias")
    still = [name for name, p in network.named_parameters() if not p.grad.abs().max() > 0]
    assert [name for name in still if not deaf.search(name)] == []
    assert asked.grad.abs().amax((0, 2)).min() > 0


def test_channels_are_dropped_whole_and_in_training_alone():
    body = built(Nisqa, hop=16).body
    still = body(images(1))
    torch.testing.assert_close(body(images(1)), still)
    body.train()
    seen = []
    body.convolutions[2].register_forward_pre_hook(lambda module, given: seen.append(given[0]))
    torch.manual_seed(0)
    body(images(4))
    silent = (seen[0] == 0).all((2, 3)).float().mean()
    assert silent == pytest.approx(0.2, abs=0.02)


def test_attention_has_no_places():
    layers = built(lambda hop: SelfAttention())
    features = torch.rand(1, 9, 384, generator=torch.Generator().manual_seed(3))
    order = torch.randperm(9, generator=torch.Generator().manual_seed(4))
    torch.testing.assert_close(layers(features)[:, order], layers(features[:, order]))


def test_pooling_is_a_mean_weighted_by_a_softmax():
    pooling = AttentionPooling()
    heard = torch.rand(2, 5, 64, generator=torch.Generator().manual_seed(5))
    nn.init.zeros_(pooling.matter[2].weight)  # all matter alike
    torch.testing.assert_close(pooling(heard), pooling.out(heard.mean(1)).squeeze(1))
    weights = torch.exp(pooling.matter(heard))
    mean = (weights * heard).sum(1) / weights.sum(1)
    torch.testing.assert_close(pooling(heard), pooling.out(mean).squeeze(1))


def test_convmaxpool_hears_the_loudest_piece_of_each_feature():
    network = built(ConvMaxPool, hop=15)
    first, second = images(1, 15), images(1, 15, seed=2)
    features = torch.maximum(network.body(first), network.body(second))[:, 0]
    expected = network.out(features).squeeze(1)
    torch.testing.assert_close(network(torch.cat([first, second], 1)), expected)
    torch.testing.assert_close(network(torch.cat([second, first], 1)), expected)


def test_recipes_are_those_of_the_papers():
    recipes = {name: recipe_of(name, ModelsSettings()) for name in FAMILY}
    for name in ("nisqa", "nisqa_l1"):
        recipe = recipes[name]
        assert (recipe.batch_size, recipe.learning_rate, recipe.max_epochs) == (40, 1e-3, 500)
        assert (recipe.learning_rate_factor, recipe.learning_rate_patience_epochs) == (0.1, 15)
        assert (recipe.stop_on, recipe.stop_patience_epochs) == ("loss_or_correlation", 20)
    recipe = recipes["convmaxpool"]
    assert (recipe.batch_size, recipe.body_learning_rate, recipe.learning_rate) == (16, 1e-4, 1e-3)
    assert (recipe.stop_on, recipe.stop_patience_epochs) == ("loss", 20)
    assert [MODELS[name].error for name in FAMILY] == ["square", "absolute", "absolute"]


def hissing(n, seed):
    """Images whose quality falls with the level of their upper bands."""
    generator = np.random.default_rng(seed)
    quality = generator.random(n, dtype=np.float32)
    made = 0.5 * generator.random((n, SMALL.n_frames, N_BANDS), dtype=np.float32)
    made[:, :, 30:] += 0.5 * (1 - quality[:, None, None])
    return made, quality


def batches(epoch, n=32):
    made, quality = hissing(n, 1)
    order = derive_generator("tests.nisqa", epoch).permutation(n)
    for first in range(0, n, 8):
        chosen = order[first : first + 8]
        yield made[chosen], quality[chosen]


def train_small(name, folder, n_epochs, **changes):
    settings = {**MODELS[name].recipe, "max_epochs": n_epochs, "piece_hop_frames": 48, **changes}
    return train(
        name,
        entry=dataclasses.replace(MODELS[name], input=SMALL),
        settings=TrainingSettings.of(settings),
        train_batches=batches,
        validation_batches=lambda: [hissing(16, 2)],
        folder=folder,
        identity={"name": name},
        log=lambda line: None,
        n_threads=1,
    )


@pytest.mark.parametrize("name", FAMILY)
def test_it_learns_what_made_up_images_show(name, tmp_path):
    result = train_small(name, tmp_path, 14, body_learning_rate=1e-3)
    made, quality = hissing(40, 3)
    network = MODELS[name].build(TrainingSettings(piece_hop_frames=48))
    network.load_state_dict(read_weights(result.weights))
    predicted = predict(network, [made])
    assert np.corrcoef(predicted, quality)[0, 1] > 0.9
    error = np.abs(predicted - quality).mean()
    assert error < 0.6 * np.abs(quality - quality.mean()).mean()


@pytest.mark.parametrize("name", ["nisqa", "convmaxpool"])
def test_a_training_that_was_ended_goes_on_as_if_it_had_not(name, tmp_path):
    whole = train_small(name, tmp_path / "whole", 4)
    train_small(name, tmp_path / "parts", 2)
    parts = train_small(name, tmp_path / "parts", 4)
    assert parts.curves == whole.curves
    left, right = read_weights(parts.weights), read_weights(whole.weights)
    assert left.keys() == right.keys()
    assert all(torch.equal(left[key], right[key]) for key in left)
