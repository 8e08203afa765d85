"""What an update of a wav2vec 2.0 is, and what curves show of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from musqa_pipeline.core.seeds import derive_generator
from musqa_pipeline.learning.entry import TrainingSettings
from musqa_pipeline.learning.networks.w2v_mos import unit_variance
from musqa_pipeline.learning.pretraining.chance import draw
from musqa_pipeline.learning.pretraining.recipe import Wav2Vec2Recipe
from musqa_pipeline.learning.pretraining.wav2vec2 import take_step
from musqa_pipeline.learning.training.batches import Share
from musqa_pipeline.learning.training.kept import keep
from musqa_pipeline.learning.training.learner import Learner

FULL_SCALE = 2**15
"""Of 16-bit samples."""


class ContrastiveLearner(Learner):
    """Trains a `Wav2Vec2ForPreTraining` on batches of (int16 crops, None).

    Curves, as means between two checkpoints: ``loss``; ``contrastive_loss``, in nats a masked
    frame; ``accuracy``, the share of masked frames that are found; ``diversity_loss``;
    ``feature_penalty``; ``perplexity`` and ``code_perplexity``, see `Step`.

    Parameters
    ----------
    network : Wav2Vec2ForPreTraining
        With its head.
    settings : TrainingSettings
        Its seed.
    recipe : Wav2Vec2Recipe
        Of the training.
    folder : Path
        Folder of the run, where networks of checkpoints stay, see `keep`.
    """

    advice = "lower learning_rate"

    def __init__(
        self, network: nn.Module, settings: TrainingSettings, *, recipe: Wav2Vec2Recipe,
        folder: Path,
    ) -> None:  # fmt: skip
        super().__init__(network)
        # By hand, since a block that is passed over has no gradient.
        self.automatic_optimization = False
        self.seed, self.recipe, self.folder = settings.seed, recipe, folder

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """Make Adam, with the decay of weights apart from the gradient as fairseq has it."""
        recipe = self.recipe
        return torch.optim.AdamW(
            self.network.parameters(), lr=recipe.learning_rate, betas=recipe.betas,
            eps=recipe.epsilon, weight_decay=recipe.weight_decay, fused=True,
        )  # fmt: skip

    def training_step(self, batch: Share, batch_idx: int) -> None:
        """Make an update."""
        recipe = self.recipe
        update = self.current_epoch * recipe.checkpoint_updates + batch_idx
        key = (self.seed, update, *([self.global_rank] if self.global_rank else []))
        assert isinstance(batch.inputs, Tensor)
        step = take_step(
            self.network,
            unit_variance(batch.inputs / FULL_SCALE),
            draw(len(batch.inputs), recipe, derive_generator("pretraining.masks", *key)),
            recipe,
            gumbel_temperature=recipe.gumbel_temperature_of(update),
        )
        loss = step.loss(recipe)
        optimizer: Any = self.optimizers()
        for group in optimizer.param_groups:
            group["lr"] = recipe.learning_rate_of(update)
        optimizer.zero_grad()
        self.manual_backward(loss * batch.weight)
        optimizer.step()
        for name, mean in (
            ("loss", loss),
            ("contrastive_loss", step.contrastive / step.n_masked),
            ("accuracy", step.n_found / step.n_masked),
            ("diversity_loss", step.diversity),
            ("feature_penalty", step.penalty),
            ("perplexity", step.perplexity),
            ("code_perplexity", step.code_perplexity),
        ):
            self.add(name, mean * batch.n_own, batch.n_own)

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Let networks of checkpoints stay; written before the checkpoint is."""
        if self.trainer.is_global_zero:
            keep(self.folder, self.current_epoch, self.network, self.recipe.kept_checkpoints)
