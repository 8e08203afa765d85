"""What a step of an autoencoder is: images, their reconstructions, and how a metric likes them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from musqa_pipeline.core.errors import StageError
from musqa_pipeline.learning.autoencoders.losses import LOSSES
from musqa_pipeline.learning.autoencoders.measures import Measures, measure
from musqa_pipeline.learning.autoencoders.networks import Autoencoder
from musqa_pipeline.learning.entry import TrainingSettings
from musqa_pipeline.learning.training.batches import Share
from musqa_pipeline.learning.training.kept import keep
from musqa_pipeline.learning.training.learner import Learner

STILL_STEPS = 200
"""Steps in which a loss has to move: so long without a slope, it never will."""
STILL_BELOW = 1e-7
"""Change of the loss from step to step that is none; each step brings other noise."""


class ReconstructionLearner(Learner):
    """Trains an `Autoencoder` on batches of (images, None).

    Curves: ``loss``, the mean since the checkpoint before, and at the checkpoint `Measures` of
    validation with ``_unmet`` behind their names.

    Parameters
    ----------
    network : Autoencoder
        Encoder and decoder.
    settings : TrainingSettings
        Of the training; what is looked at, the loop has looked at.
    folder : Path
        Folder of the run, where networks of checkpoints stay, see `keep`.
    """

    advice = "lower learning_rate"

    def __init__(self, network: nn.Module, settings: TrainingSettings, *, folder: Path) -> None:
        super().__init__(network)
        assert isinstance(network, Autoencoder)
        self.network: Autoencoder = network
        self.recipe, self.folder = network.recipe, folder
        self.n_still: Tensor
        self.last_loss: Tensor
        self.register_buffer("n_still", torch.zeros((), dtype=torch.int64))
        self.register_buffer("last_loss", torch.tensor(torch.nan))

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """Make Adam, with torch's constants."""
        return torch.optim.Adam(self.network.parameters(), lr=self.recipe.learning_rate, fused=True)

    def training_step(self, batch: Share, batch_idx: int) -> Tensor:
        """Return the mean loss of a batch."""
        images_n1ft = _images(batch)
        made_n1ft = self.network(images_n1ft)
        with torch.autocast(images_n1ft.device.type, enabled=False):
            loss = LOSSES[self.recipe.loss](images_n1ft, made_n1ft.float()).mean()
        self.add("loss", loss.detach() * batch.n_own, batch.n_own)
        is_still = (loss.detach() - self.last_loss).abs() <= STILL_BELOW
        self.n_still.copy_((self.n_still + 1) * is_still)
        self.last_loss.copy_(loss.detach())
        return loss * batch.weight

    def validation_step(self, batch: Share, batch_idx: int) -> None:
        """Measure reconstructions of what nothing is trained on."""
        images_n1ft = _images(batch)
        measured = measure(images_n1ft, self.network(images_n1ft))
        for name, values_n in zip(Measures._fields, measured, strict=True):
            own_n = values_n[: batch.n_own].double()
            self.add(f"{name}_unmet", own_n.sum(), batch.n_own)

    def take_means(self) -> dict[str, float]:
        """Refuse a training whose loss stands still, or is not finite."""
        means = super().take_means()
        if int(self.n_still) >= STILL_STEPS:
            raise StageError(
                f"training: loss {self.recipe.loss} has not moved from {means['loss']:.6g} for "
                f"{int(self.n_still)} steps: it has no slope there; take another seed"
            )
        return means

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Let networks of checkpoints stay; written before the checkpoint is."""
        if self.trainer.is_global_zero:
            keep(self.folder, self.current_epoch, self.network, self.recipe.kept_checkpoints)


def _images(batch: Share) -> Tensor:
    assert isinstance(batch.inputs, Tensor)
    return batch.inputs.unsqueeze(1)
