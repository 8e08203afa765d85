"""wav2vec 2.0 by Hugging Face's transformers: its networks, and one step of pre-training.

transformers has the layers. What a step is stands here, since its own draws masks and negatives
from numpy's global generator, has neither penalty nor a smaller gradient for the convolutions, and
gathers a vector for each negative: here all come from one matrix of similarities a crop.

Tensor names end in axis letters: N crop, S sample, T frame, M masked frame, P its pool, C channel
of the convolutions, D of what is compared, G codebook, V code.
"""

from __future__ import annotations

import dataclasses
import importlib
from types import ModuleType
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from musqa_pipeline.core.errors import ToolError
from musqa_pipeline.learning import torchvision_ops  # noqa: F401 - must precede transformers
from musqa_pipeline.learning.pretraining.chance import Drawn
from musqa_pipeline.learning.pretraining.recipe import Wav2Vec2Architecture, Wav2Vec2Recipe


def load_transformers() -> ModuleType:
    """Import transformers, or raise a `ToolError` that names the extra."""
    try:
        return importlib.import_module("transformers")
    except ImportError as error:
        raise ToolError(
            "wav2vec 2.0 needs the package transformers; install it with pip install "
            "'musqa-pipeline[archive]', or ask for no network of it"
        ) from error


def build_body(architecture: Wav2Vec2Architecture) -> Any:
    """Build transformers' `Wav2Vec2Model` with fresh weights, or raise a `ToolError`."""
    return load_transformers().Wav2Vec2Model(_config_of(architecture))


def build_pretraining(architecture: Wav2Vec2Architecture) -> Any:
    """Build transformers' `Wav2Vec2ForPreTraining` with fresh weights, or raise a `ToolError`."""
    return load_transformers().Wav2Vec2ForPreTraining(_config_of(architecture))


def _config_of(architecture: Wav2Vec2Architecture) -> Any:
    # It masks nothing by itself, and has a vector for what is masked all the same.
    masks = {"apply_spec_augment": False, "mask_time_prob": 0.65}
    return load_transformers().Wav2Vec2Config(**dataclasses.asdict(architecture), **masks)


class Step(NamedTuple):
    """What a step of pre-training finds."""

    contrastive: Tensor
    """Cross-entropy of finding each masked frame's code among its negatives, in nats, summed."""
    diversity: Tensor
    """Share of codes that are not in use, by perplexity, 0-1."""
    penalty: Tensor
    """Mean square of what the convolutions give."""
    n_masked: int
    n_found: Tensor
    """Masked frames whose code is nearer than all of its negatives."""
    perplexity: Tensor
    """Of the codes' mean probabilities, summed over codebooks: at most all codes."""
    code_perplexity: Tensor
    """The same of the likeliest codes alone, which shows when they collapse."""

    def loss(self, recipe: Wav2Vec2Recipe) -> Tensor:
        """Return what training makes small, a mean over masked frames.

        fairseq adds up ``contrastive + n_masked (0.1 diversity + 10 penalty)`` and divides the
        gradient by the number of masked frames; transformers' `loss` is that sum without the
        penalty. Here it is divided.
        """
        further = recipe.diversity_weight * self.diversity + recipe.penalty_weight * self.penalty
        return self.contrastive / self.n_masked + further


def take_step(
    network: Any,
    samples_ns: Tensor,
    drawn: Drawn,
    recipe: Wav2Vec2Recipe,
    *,
    gumbel_temperature: float,
) -> Step:
    """Pass crops through a network and see how well it finds what was masked.

    Parameters
    ----------
    network : Wav2Vec2ForPreTraining
        In training it draws codes, dropout and blocks to pass over from torch's global generator.
    samples_ns : Tensor of float32, shape (n, samples)
        Of unit variance.
    drawn : Drawn
        Masks and negatives of these crops.
    recipe : Wav2Vec2Recipe
        Its temperature of similarities and `encoder_gradient`.
    gumbel_temperature : float
        At which codes are drawn.

    Returns
    -------
    Step
        In float32, also in mixed precision.
    """
    body = network.wav2vec2
    masked_nm = torch.from_numpy(drawn.masked_nm).to(samples_ns.device)
    found_nct = body.feature_extractor(samples_ns)
    if found_nct.requires_grad:
        found_nct.register_hook(lambda gradient: recipe.encoder_gradient * gradient)
    hidden_ntw, normed_ntc = body.feature_projection(found_nct.transpose(1, 2))
    is_masked_nt = torch.zeros_like(hidden_ntw[..., 0], dtype=torch.bool)
    is_masked_nt.scatter_(1, masked_nm, value=True)
    mask_w = body.masked_spec_embed.to(hidden_ntw.dtype)
    hidden_ntw = torch.where(is_masked_nt.unsqueeze(-1), mask_w, hidden_ntw)
    context_ntw = body.encoder(hidden_ntw).last_hidden_state
    predicted_nmd = network.project_hid(_frames(context_ntw, masked_nm))
    features_nmc = network.dropout_features(_frames(normed_ntc, masked_nm))
    coded = _quantise(network.quantizer, features_nmc, gumbel_temperature)
    with torch.autocast(samples_ns.device.type, enabled=False):
        target_nmd = network.project_q(coded.vectors_nmk.float())
        logits_nmp = _logits(predicted_nmd.float(), target_nmd, coded.drawn_nmg, drawn)
        logits_nmp = logits_nmp / recipe.similarity_temperature
        counts_nmp = torch.from_numpy(drawn.multiplicities()).to(logits_nmp.device)
        own_nm = torch.from_numpy(drawn.own_nm).to(logits_nmp.device)
        # A negative that comes three times counts three times in the sum of exponentials.
        contrastive = functional.cross_entropy(
            (logits_nmp + counts_nmp.log()).flatten(0, 1), own_nm.flatten(), reduction="sum"
        )
        nearest_nm = logits_nmp.masked_fill(counts_nmp == 0, -torch.inf).argmax(dim=-1)
        n_codes = coded.shares_gv.numel()
        perplexity = _perplexity(coded.shares_gv)
    return Step(
        contrastive=contrastive,
        diversity=1 - perplexity / n_codes,
        penalty=found_nct.float().square().mean(),
        n_masked=masked_nm.numel(),
        n_found=(nearest_nm == own_nm).sum(),
        perplexity=perplexity.detach(),
        code_perplexity=_perplexity(coded.likeliest_gv),
    )


class _Coded(NamedTuple):
    vectors_nmk: Tensor
    """Vectors of a frame's codes, side by side."""
    drawn_nmg: Tensor
    """Its codes."""
    shares_gv: Tensor
    """Mean probability of each code."""
    likeliest_gv: Tensor
    """How often each code is the likeliest."""


def _quantise(quantizer: Any, features_nmc: Tensor, temperature: float) -> _Coded:
    """Give each frame a code of each codebook: a drawn one in training, else the likeliest."""
    n_books, n_codes = quantizer.num_groups, quantizer.num_vars
    scores_nmgv = quantizer.weight_proj(features_nmc).unflatten(-1, (n_books, n_codes)).float()
    likeliest_nmgv = functional.one_hot(scores_nmgv.argmax(dim=-1), n_codes).float()
    if quantizer.training:
        chosen_nmgv = functional.gumbel_softmax(scores_nmgv, tau=temperature, hard=True)
        shares_gv = scores_nmgv.softmax(dim=-1).mean(dim=(0, 1))
    else:
        chosen_nmgv = likeliest_nmgv
        shares_gv = likeliest_nmgv.mean(dim=(0, 1))
    vectors_gvk = quantizer.codevectors.view(n_books, n_codes, -1)
    vectors_nmgk = torch.einsum("nmgv,gvk->nmgk", chosen_nmgv, vectors_gvk)
    return _Coded(
        vectors_nmgk.flatten(2),
        chosen_nmgv.argmax(dim=-1),
        shares_gv,
        likeliest_nmgv.mean(dim=(0, 1)),
    )


def _logits(predicted_nmd: Tensor, target_nmd: Tensor, code_nmg: Tensor, drawn: Drawn) -> Tensor:
    """Return the cosine of each context and each code of its pool, (n, m, p).

    A negative with the codes of the frame itself is no negative: it has -inf.
    """
    n, m, _ = target_nmd.shape
    pool_npd, code_npg = target_nmd, code_nmg
    if drawn.n_pool > m:  # that of all crops
        pool_npd = target_nmd.flatten(0, 1).expand(n, -1, -1)
        code_npg = code_nmg.flatten(0, 1).expand(n, -1, -1)
    cosine_nmp = functional.normalize(predicted_nmd, dim=-1) @ functional.normalize(
        pool_npd, dim=-1
    ).transpose(1, 2)
    is_same_nmp = (code_nmg.unsqueeze(2) == code_npg.unsqueeze(1)).all(dim=-1)
    own_nm = torch.from_numpy(drawn.own_nm).to(code_nmg.device)
    is_same_nmp.scatter_(2, own_nm.unsqueeze(2), value=False)
    return cosine_nmp.masked_fill(is_same_nmp, -torch.inf)


def _frames(values_ntx: Tensor, places_nm: Tensor) -> Tensor:
    """Take frames of each crop."""
    return values_ntx.gather(1, places_nm.unsqueeze(-1).expand(-1, -1, values_ntx.shape[-1]))


def _perplexity(shares_gv: Tensor) -> Tensor:
    """Return exp(entropy) of each codebook, summed."""
    return torch.xlogy(shares_gv, shares_gv).sum(dim=-1).neg().exp().sum()
