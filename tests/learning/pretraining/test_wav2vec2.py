"""A step of pre-training is that of transformers, where transformers has it."""

import sys
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.nn import functional

from musqa_pipeline.core.errors import ToolError
from musqa_pipeline.learning.networks.w2v_mos import unit_variance
from musqa_pipeline.learning.pretraining.chance import draw
from musqa_pipeline.learning.pretraining.wav2vec2 import (
    build_pretraining,
    load_transformers,
    take_step,
)
from tests.learning.pretraining.tiny_wav2vec2 import ARCHITECTURE, TINY

STEADY = replace(
    ARCHITECTURE, hidden_dropout=0.0, attention_dropout=0.0, feat_proj_dropout=0.0,
    feat_quantizer_dropout=0.0, layerdrop=0.0, proj_codevector_dim=ARCHITECTURE.codevector_dim,
)  # fmt: skip
RECIPE = replace(TINY, architecture=STEADY, encoder_gradient=1.0)
SAMPLES = unit_variance(torch.randn(3, 1_600, generator=torch.Generator().manual_seed(0)))


@pytest.fixture
def network():
    torch.manual_seed(0)
    network = build_pretraining(STEADY)
    # transformers compares codes after this layer: the same ones have to come out bit for bit.
    torch.nn.init.eye_(network.project_q.weight)
    return network


def gradients_of(network):
    found = {name: p.grad for name, p in network.named_parameters() if p.grad is not None}
    network.zero_grad()
    return found


def chance(recipe=RECIPE, seed=0):
    return draw(len(SAMPLES), recipe, np.random.default_rng(seed))


def by_transformers(network, drawn):
    """Return transformers' own outputs for the same masks and negatives."""
    network.wav2vec2.config.apply_spec_augment = True
    n, n_frames = len(SAMPLES), RECIPE.n_frames
    is_masked = torch.zeros(n, n_frames, dtype=torch.bool)
    negatives = torch.zeros(n, n_frames, drawn.negatives_nmk.shape[2], dtype=torch.long)
    frames = drawn.masked_nm + n_frames * np.arange(n)[:, None]  # of all crops, one after the other
    for crop, masked in enumerate(drawn.masked_nm):
        pool = frames[crop] if drawn.n_pool == len(masked) else frames.ravel()
        is_masked[crop, masked] = True
        negatives[crop, masked] = torch.from_numpy(pool[drawn.negatives_nmk[crop]])
    try:
        return network(
            SAMPLES, mask_time_indices=is_masked, sampled_negative_indices=negatives
        )  # fmt: skip
    finally:
        network.wav2vec2.config.apply_spec_augment = False


def step_of(network, drawn, recipe=RECIPE):
    return take_step(network, SAMPLES, drawn, recipe, gumbel_temperature=2.0)


def nearest_code(scores, tau, hard):
    """Stand in for draws: the likeliest code, with the gradient of its probability."""
    shares = (scores / tau).softmax(-1)
    return functional.one_hot(scores.argmax(-1), scores.shape[-1]) - shares.detach() + shares


@pytest.mark.parametrize("elsewhere", [0, 6])
@pytest.mark.parametrize("training", [False, True])
def test_the_loss_and_its_gradients_are_those_of_transformers(
    network, monkeypatch, training, elsewhere
):
    monkeypatch.setattr(functional, "gumbel_softmax", nearest_code)
    network.train(training)
    drawn = chance(replace(RECIPE, negatives_elsewhere=elsewhere))
    theirs = by_transformers(network, drawn)
    theirs.loss.backward()
    expected = gradients_of(network)
    recipe = replace(RECIPE, penalty_weight=0.0)
    step = step_of(network, drawn, recipe)
    found = step.loss(recipe) * step.n_masked
    found.backward()
    assert step.n_masked == drawn.masked_nm.size
    torch.testing.assert_close(step.contrastive, theirs.contrastive_loss, rtol=1e-5, atol=0)
    diversity = step.diversity * step.n_masked
    torch.testing.assert_close(diversity, theirs.diversity_loss, rtol=1e-5, atol=0)
    torch.testing.assert_close(found, theirs.loss, rtol=1e-5, atol=0)
    torch.testing.assert_close(step.perplexity, theirs.codevector_perplexity, rtol=1e-5, atol=0)
    gradients = gradients_of(network)
    assert gradients.keys() == expected.keys()
    for name, gradient in gradients.items():
        torch.testing.assert_close(gradient, expected[name], rtol=1e-4, atol=1e-5)


def test_codes_that_all_collapsed_tell_nothing_apart(network):
    with torch.no_grad():
        network.quantizer.weight_proj.weight.zero_()
    step = step_of(network.eval(), drawn := chance())
    assert by_transformers(network, drawn).contrastive_loss == 0
    assert step.contrastive == 0
    assert float(step.code_perplexity) == float(step.perplexity) == 2
    assert float(step.diversity) == pytest.approx(0.8)


def test_a_context_that_says_nothing_finds_nothing(network):
    drawn = chance()
    with torch.no_grad():
        network.project_hid.weight.zero_()
        network.project_hid.bias.zero_()
        network.quantizer.weight_proj.weight.normal_(std=9)
    network.eval()
    step = step_of(network, drawn)
    codes = network.quantizer.weight_proj(network.wav2vec2(SAMPLES).extract_features)
    codes = codes.unflatten(-1, (2, -1)).argmax(-1).numpy()
    expected = 0.0
    for crop, masked in enumerate(drawn.masked_nm):
        for own, negatives in zip(masked, masked[drawn.negatives_nmk[crop]], strict=True):
            n_other = (codes[crop, negatives] != codes[crop, own]).any(-1).sum()
            expected += np.log(1 + n_other)
    assert step.contrastive.item() == pytest.approx(expected, rel=1e-5)


def test_the_penalty_is_the_mean_square_and_convolutions_move_less(network):
    found = network.wav2vec2.feature_extractor(SAMPLES)
    network.eval()
    gradients = []
    for factor in (1.0, 0.1):
        recipe = replace(RECIPE, encoder_gradient=factor)
        step = step_of(network, chance(), recipe)
        assert step.penalty.item() == pytest.approx(found.square().mean().item())
        step.loss(recipe).backward()
        gradients.append(gradients_of(network))
    for name, full in gradients[0].items():
        factor = 0.1 if "feature_extractor" in name else 1.0
        torch.testing.assert_close(gradients[1][name], factor * full)


def test_a_step_sees_nothing_of_what_is_masked(network):
    drawn = chance()
    network.eval()
    body = network.wav2vec2
    seen = []
    body.encoder.register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0]))
    step_of(network, drawn)
    for crop, masked in enumerate(drawn.masked_nm):
        assert (seen[0][crop, masked] == body.masked_spec_embed).all()
        rest = np.setdiff1d(np.arange(RECIPE.n_frames), masked)
        assert not (seen[0][crop, rest] == body.masked_spec_embed).all(-1).any()


def test_chance_comes_from_torch_and_the_draw_never_from_numpys_generator(monkeypatch):
    torch.manual_seed(0)
    network = build_pretraining(ARCHITECTURE).train()
    for name in ("rand", "random", "randint", "choice"):
        monkeypatch.setattr(np.random, name, None)
    losses = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        losses.append(float(step_of(network, chance()).contrastive))
    assert losses[0] == losses[1] != losses[2]


def test_mixed_precision_is_near_float32(network):
    network.eval()
    exact = step_of(network, chance())
    with torch.autocast("cpu", torch.bfloat16):
        mixed = step_of(network, chance())
    assert mixed.contrastive.dtype == torch.float32
    assert mixed.penalty != exact.penalty
    torch.testing.assert_close(mixed.penalty, exact.penalty, rtol=0.02, atol=0)
    torch.testing.assert_close(mixed.contrastive, exact.contrastive, rtol=0.1, atol=0)


def test_samples_get_a_mean_of_0_and_a_variance_of_1_and_silence_stays():
    samples = torch.stack([torch.zeros(1_000), 0.02 * torch.randn(1_000) + 0.3])
    silent, loud = unit_variance(samples)
    assert (silent == 0).all()
    assert float(loud.mean()) == pytest.approx(0, abs=1e-5)
    assert float(loud.square().mean()) == pytest.approx(1, abs=1e-3)


def test_without_its_package_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(ToolError, match=r"pip install 'musqa-pipeline\[archive\]', or ask for no"):
        load_transformers()
    with pytest.raises(ToolError, match=r"wav2vec 2\.0 needs the package transformers"):
        build_pretraining(ARCHITECTURE)
