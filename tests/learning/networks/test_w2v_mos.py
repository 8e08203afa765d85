"""w2vMOS."""

import pytest
import torch

from musqa_pipeline.learning.networks.w2v_mos import W2vMos, unit_variance
from musqa_pipeline.learning.pretraining.folder import read_folder, write_folder
from musqa_pipeline.learning.pretraining.recipe import PAPER, SMALL
from musqa_pipeline.learning.pretraining.wav2vec2 import build_body


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(0)
    return W2vMos(build_body(SMALL.architecture)).eval()


@pytest.fixture(scope="module")
def samples():
    return unit_variance(torch.randn(3, 16_000, generator=torch.Generator().manual_seed(0)))


def test_the_papers_has_an_output_more_than_its_body():
    with torch.device("meta"):
        network = W2vMos(build_body(PAPER.architecture)).eval()
        assert network(torch.empty(2, 160_000)).shape == (2,)
    assert sum(p.numel() for p in network.parameters()) == 94_371_712 + 769


def test_an_answer_depends_on_its_row_alone(network, samples):
    with torch.inference_mode():
        together = network(samples)
        alone = torch.cat([network(row[None]) for row in samples])
        turned = network(samples.flip(0)).flip(0)
    assert together.shape == (3,)
    torch.testing.assert_close(alone, together, rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(turned, together, rtol=1e-5, atol=1e-6)
    assert together.std() > 1e-3


def test_it_is_the_mean_over_time_and_linear(network, samples):
    with torch.inference_mode():
        mean = network.wav2vec2(samples).last_hidden_state.mean(dim=1)
        expected = mean @ network.output.weight[0] + network.output.bias
        torch.testing.assert_close(network(samples), expected)


def test_in_training_it_masks_nothing_and_all_of_it_moves(samples):
    network = W2vMos(build_body(SMALL.architecture)).train()
    network.wav2vec2.config.layerdrop = 0.0
    network(samples).sum().backward()
    still = [name for name, p in network.named_parameters() if p.grad is None]
    assert still == ["wav2vec2.masked_spec_embed"]


def test_it_comes_back_out_of_a_folder(tmp_path, network, samples):
    write_folder(tmp_path / "folder", network)
    again = read_folder(tmp_path / "folder", lambda sizes: W2vMos(build_body(sizes)))
    with torch.inference_mode():
        assert torch.equal(again(samples), network(samples))
