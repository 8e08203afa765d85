"""Averages, what makes networks fit to be asked, and spectral norms."""

import pytest
import torch
from torch.nn.utils import parametrize

from musqa_pipeline.learning.gan.pair import Pair, norm_exactly, one_iteration
from tests.learning.gan.tiny_gan import TINY, WIDER


def make_pair(gan=TINY, seed=0):
    torch.manual_seed(seed)
    return Pair(gan)


def shaken(pair, by=0.1):
    with torch.no_grad():
        for parameter in pair.parameters():
            if parameter.requires_grad:
                parameter += by * torch.randn_like(parameter)
    return pair


def spectral_norms(network):
    network.eval()
    with torch.no_grad():
        return {
            name: float(torch.linalg.matrix_norm(module.weight.flatten(1), 2))
            for name, module in network.named_modules()
            if parametrize.is_parametrized(module)
        }


def test_averages_move_as_far_as_the_step_says():
    pair = shaken(make_pair())
    for name, network in pair.averages.items():
        before = [p.clone() for p in network.parameters()]
        now = list(getattr(pair, name).parameters())
        pair.n_averaged.zero_()
        pair.average()
        for mean, old, new in zip(network.parameters(), before, now, strict=True):
            torch.testing.assert_close(mean, 0.1 * old + 0.9 * new)
    pair.n_averaged.fill_(10**6)
    mean, new = next(pair.averages["generator"].parameters()), next(pair.generator.parameters())
    expected = TINY.average_decay * mean.clone() + (1 - TINY.average_decay) * new
    pair.average()
    torch.testing.assert_close(mean.data, expected.data, rtol=1e-6, atol=1e-8)


def test_a_settled_generator_answers_alike_in_training_and_in_evaluation():
    pair = shaken(make_pair(WIDER))
    pair.average()
    before = [p.clone() for p in pair.parameters()]
    genres = torch.arange(64) % 2
    unsettled = pair.sample(genres, torch.Generator().manual_seed(5))
    pair.settle(torch.Generator().manual_seed(4))
    assert all(torch.equal(a, b) for a, b in zip(before, pair.parameters(), strict=True))
    settled = pair.sample(genres, torch.Generator().manual_seed(5))
    generator = pair.averages["generator"].train()
    chance = torch.Generator().manual_seed(5)
    with torch.no_grad():
        # One batch norm over all, by the batch's own statistics, of nearly the same noise.
        trained = generator(torch.randn(64, 120, generator=chance), genres)
    apart = [(images.std() - trained.std()).abs() for images in (settled, unsettled)]
    assert apart[0] < 0.1 * trained.std()
    assert apart[0] < apart[1]


def test_sampling_leaves_training_as_it_was():
    pair = make_pair().train()
    before = {name: tensor.clone() for name, tensor in pair.state_dict().items()}
    images = pair.sample(torch.tensor([0, 1, 1]), torch.Generator().manual_seed(1))
    assert images.shape == (3, 1, 64, 64)
    assert all(module.training for module in pair.generator.modules())
    assert all(torch.equal(before[name], tensor) for name, tensor in pair.state_dict().items())
    again = pair.sample(torch.tensor([0, 1, 1]), torch.Generator().manual_seed(1))
    assert torch.equal(images, again)


def test_real_scores_are_noted_as_mean_and_deviation():
    pair = make_pair()
    images, genres = torch.rand(7, 1, 64, 64), torch.arange(7) % 2
    pair.note_scores(images, genres)
    with torch.no_grad():
        scores = pair.discriminator.eval()(images, genres)
    expected = torch.stack([scores.mean(), scores.std()])
    torch.testing.assert_close(pair.real_scores, expected)


def test_a_block_has_one_power_iteration_however_often_it_asks():
    one, two = (shaken(make_pair().train()).discriminator for _ in range(2))
    two.load_state_dict(one.state_dict())
    images, genres = torch.rand(2, 1, 64, 64), torch.tensor([0, 1])
    with one_iteration(one):
        first, second = one(images, genres), one(images, genres)
    assert torch.equal(first, second)
    torch.testing.assert_close(two(images, genres), first)
    assert not torch.equal(two(images, genres), first)


@pytest.mark.parametrize("by", [0.01, 1.0])
def test_exact_norms_are_those_of_a_decomposition(by):
    pair = shaken(make_pair(WIDER), by)
    late = {**spectral_norms(pair.generator), **spectral_norms(pair.discriminator)}
    assert max(late.values()) > 1.005
    norm_exactly(pair)
    for network in (pair.generator, pair.discriminator):
        norms = spectral_norms(network)
        assert len(norms) > 10
        assert all(norm == pytest.approx(1, abs=1e-5) for norm in norms.values())
