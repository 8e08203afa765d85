"""Pre-train NISQA's convolutions to say what a piece was, by the loop of the other networks."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from musqa_pipeline.audio.features.nisqa_mel import N_BANDS
from musqa_pipeline.learning.entry import InputSpec, ModelEntry, TrainingSettings
from musqa_pipeline.learning.pretraining.framewise_networks import FramewiseAutoencoder
from musqa_pipeline.learning.pretraining.framewise_recipe import (
    FramewiseAutoencoderRecipe,
    FramewiseRecipe,
)
from musqa_pipeline.learning.pretraining.framewise_run import AUTOENCODER
from musqa_pipeline.learning.pretraining.windows import Windows
from musqa_pipeline.learning.training.attempt import TrainingResult
from musqa_pipeline.learning.training.batches import Share
from musqa_pipeline.learning.training.learner import Learner
from musqa_pipeline.learning.training.train import train


def train_framewise_autoencoder(
    recipe: FramewiseAutoencoderRecipe,
    *,
    images: Sequence[NDArray[np.uint8]],
    training: TrainingSettings,
    folder: Path,
    **others: Any,
) -> TrainingResult:
    """Pre-train NISQA's convolutions and their mirror, or go on where an attempt was ended.

    Parameters
    ----------
    recipe : FramewiseAutoencoderRecipe
        What makes it.
    images : sequence of ndarray of uint8, shape (frames, 48)
        A recording each, see `Windows`; ``data_fingerprint`` names them.
    training : TrainingSettings
        Its ``seed``, ``precision``, ``device``, ``devices`` and ``max_minutes`` are looked at.
    folder : Path
        Folder of the run, as of other networks.
    **others
        Of `learning.training.train`: ``data_fingerprint``, ``log``, ``on_epoch``, ``n_threads``.

    Returns
    -------
    TrainingResult
        Of all attempts together. Its curve ``loss`` is the mean square error of cells in 0-1, an
        epoch's mean.

    Raises
    ------
    StageError
        If no image is as long as a window, or has other bands, or a loss is not finite. The
        checkpoint before it is kept.
    LakeError
        If the folder cannot be written, or holds another training's checkpoint.
    """
    settings = settings_of(recipe, training, max_epochs=recipe.max_epochs)
    return train(
        AUTOENCODER,
        entry=ModelEntry(
            "Framewise autoencoder",
            partial(_build, recipe),
            InputSpec(recipe.window_frames, N_BANDS, "nisqa_mels"),
            learner=partial(PieceLearner, recipe=recipe),
        ),
        settings=settings,
        train_batches=Windows(images, recipe, settings.seed),
        validation_batches=None,
        folder=folder,
        **records_of(recipe, settings),
        **others,
    )


class FramewiseLearner(Learner):
    """Trains a network with NISQA's convolutions by Adam, with torch's constants.

    Parameters
    ----------
    network : nn.Module
        With a ``body``.
    settings : TrainingSettings
        Of the training; what is looked at, the loop has looked at.
    recipe : FramewiseRecipe
        Its learning rate, which stays.
    """

    advice = "lower learning_rate"

    def __init__(
        self, network: nn.Module, settings: TrainingSettings, *, recipe: FramewiseRecipe
    ) -> None:
        super().__init__(network)
        self.learning_rate = recipe.learning_rate

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """Make Adam."""
        return torch.optim.Adam(self.network.parameters(), lr=self.learning_rate, fused=True)


class PieceLearner(FramewiseLearner):
    """Trains a `FramewiseAutoencoder` on batches of (windows, their numbers); a curve ``loss``."""

    def training_step(self, batch: Share, batch_idx: int) -> Tensor:
        """Return the mean square error of a batch's pieces."""
        network = self.network
        assert isinstance(network, FramewiseAutoencoder)
        assert isinstance(batch.inputs, Tensor)
        _, made_npft = network(batch.inputs)
        loss = functional.mse_loss(made_npft.float(), network.pieces_of(batch.inputs))
        self.add("loss", loss.detach() * batch.n_own, batch.n_own)
        return loss * batch.weight


def settings_of(
    recipe: FramewiseRecipe, training: TrainingSettings, **differing: Any
) -> TrainingSettings:
    """Return a training's settings as a recipe has them; of no validation, the last weights."""
    return dataclasses.replace(
        training,
        **{
            "learning_rate": recipe.learning_rate,
            "piece_hop_frames": recipe.piece_hop_frames,
            "weight_average_decay": 0.0,
            "gradient_clip_norm": 0.0,
            "kept_weights": "last",
            "stop_on": "loss",
            **differing,
        },
    )


def records_of(
    recipe: FramewiseRecipe, settings: TrainingSettings, **further: Any
) -> dict[str, Any]:
    """Return ``identity`` and ``record`` of a training, as `train` takes them."""
    chance = {"seed": settings.seed, "precision": settings.precision}
    return {
        "identity": {**recipe.identity(), **chance, **further},
        "record": dataclasses.asdict(settings) | dataclasses.asdict(recipe) | further,
    }


def _build(recipe: FramewiseAutoencoderRecipe, settings: TrainingSettings) -> nn.Module:
    return FramewiseAutoencoder(recipe.piece_hop_frames)
