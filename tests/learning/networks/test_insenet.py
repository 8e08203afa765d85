"""The intrusive network: shapes, gradients, gates, and the form in which it predicts."""

import pytest
import torch

from musqa_pipeline.audio.features.gammatone_bands import N_BANDS, N_FRAMES
from musqa_pipeline.learning.networks.insenet import (
    InceptionBlock,
    InseNet,
    SqueezeExcitation,
    fold_normalisation,
)
from musqa_pipeline.learning.registry import MODELS


@pytest.fixture
def network():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = InseNet()
        for module in network.modules():  # as a training would have left them
            if isinstance(module, torch.nn.BatchNorm2d):
                module.running_mean.uniform_(-0.5, 0.5)
                module.running_var.uniform_(0.5, 2.0)
    return network.eval()


def images(n=2, n_frames=N_FRAMES):
    return torch.rand(n, n_frames, 2 * N_BANDS, generator=torch.Generator().manual_seed(1))


def test_the_registry_declares_what_it_eats():
    spec = MODELS["insenet"].input
    assert (spec.n_frames, spec.n_bands, spec.stage) == (N_FRAMES, 2 * N_BANDS, "pairs")


def test_each_pair_gets_one_number_whatever_its_length(network):
    assert network(images()).shape == (2,)
    assert network(images(1, 37)).shape == (1,)
    assert sum(p.numel() for p in network.parameters()) == 59_515


def test_both_halves_matter_and_every_parameter_learns(network):
    network.train()
    pairs = images().requires_grad_()
    network(pairs).sum().backward()
    assert pairs.grad[..., :N_BANDS].abs().max() > 0
    assert pairs.grad[..., N_BANDS:].abs().max() > 0
    still = [name for name, p in network.named_parameters() if not p.grad.abs().max() > 0]
    assert still == []


def test_gates_follow_from_the_means_of_all_channels():
    gates = SqueezeExcitation(8)
    torch.nn.init.zeros_(gates.excite.weight)
    torch.nn.init.zeros_(gates.excite.bias)
    x = torch.rand(1, 8, 5, 4)
    torch.testing.assert_close(gates(x), 0.5 * x)
    torch.nn.init.constant_(gates.excite.bias, 50.0)
    torch.testing.assert_close(gates(x), x)


def test_a_block_sees_along_time_and_along_frequency():
    block = InceptionBlock(4, 8).eval()
    for weight in block.parameters():
        torch.nn.init.constant_(weight, 0.1)
    x = torch.zeros(1, 4, 9, 9)
    x[:, :, 4, 4] = 1.0
    # Before the gates, which see everything.
    moved = [view(x) - view(torch.zeros_like(x)) for view in (block.point, *block.views)]
    seen = [{tuple(cell) for cell in m.amax(1)[0].nonzero().tolist()} for m in moved]
    around = range(2, 7)
    assert seen == [
        {(4, 4)},
        {(t, f) for t in (3, 4, 5) for f in (3, 4, 5)},
        {(t, 4) for t in around},
        {(4, f) for f in around},
    ]


def test_folding_changes_rounding_only(network):
    before = network(images()).detach()
    folded = fold_normalisation(network)
    assert not any(isinstance(m, torch.nn.BatchNorm2d) for m in folded.modules())
    torch.testing.assert_close(folded(images()), before, atol=1e-5, rtol=1e-4)
