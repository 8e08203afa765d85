"""Train an autoencoder, by the loop that trains the other networks."""

from __future__ import annotations

import dataclasses
import json
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from musqa_pipeline.core import seals
from musqa_pipeline.core.errors import LakeError
from musqa_pipeline.core.seeds import derive_seed
from musqa_pipeline.learning.autoencoders.inputs import InputBatches, tiles_of
from musqa_pipeline.learning.autoencoders.learner import ReconstructionLearner
from musqa_pipeline.learning.autoencoders.networks import Autoencoder
from musqa_pipeline.learning.autoencoders.recipe import AutoencoderRecipe
from musqa_pipeline.learning.entry import InputSpec, ModelEntry, TrainingSettings
from musqa_pipeline.learning.training.attempt import TrainingResult
from musqa_pipeline.learning.training.checkpoint import SETTINGS_FILE, read_weights
from musqa_pipeline.learning.training.kept import filled
from musqa_pipeline.learning.training.train import train

NAME = "autoencoder"
"""What every autoencoder is called, as first weights follow from (seed, name)."""


def train_autoencoder(
    recipe: AutoencoderRecipe,
    *,
    training: TrainingSettings,
    folder: Path,
    music: NDArray[np.float32] | None = None,
    unmet: NDArray[np.float32] | None = None,
    **others: Any,
) -> TrainingResult:
    """Train an autoencoder, or go on where an earlier attempt was ended.

    Parameters
    ----------
    recipe : AutoencoderRecipe
        What makes it. Of one seed and size, all losses and inputs begin with the same weights,
        and all losses see the same inputs.
    training : TrainingSettings
        Its ``seed``, ``precision``, ``device``, ``devices`` and ``max_minutes`` are looked at.
    folder : Path
        Folder of the run, as of other networks; ``networks-<epoch>.pt`` are those of the
        checkpoints, ``weights.pt`` of the last one.
    music : ndarray of float32, shape (n, bands, frames), optional
        Images that are learned from where the recipe says so; ``data_fingerprint`` names them.
    unmet : ndarray of float32, shape (n, bands, frames), optional
        Images that are never learned from, of whose squares curves show reconstructions; they
        decide on nothing.
    **others
        Of `learning.training.train`: ``data_fingerprint``, ``log``, ``on_epoch``, ``n_threads``.

    Returns
    -------
    TrainingResult
        Of all attempts together; epochs are checkpoints.

    Raises
    ------
    SettingsError
        If music is wanted and not there.
    StageError
        If the loss is not finite, or stands still for 200 steps. The checkpoint before it is kept.
    LakeError
        If the folder cannot be written, or holds another training's checkpoint.
    """
    settings = dataclasses.replace(
        training,
        max_epochs=recipe.steps // recipe.checkpoint_steps,
        weight_average_decay=0.0,
        gradient_clip_norm=0.0,
        kept_weights="last",
    )
    tiles = None if unmet is None else tiles_of(unmet, recipe.side)
    return train(
        NAME,
        entry=entry_of(recipe, folder),
        settings=settings,
        train_batches=InputBatches(recipe, settings.seed, music),
        validation_batches=None if tiles is None else partial(_in_order, tiles, recipe.batch_size),
        folder=folder,
        identity={**recipe.identity(), "seed": settings.seed, "precision": settings.precision},
        record=dataclasses.asdict(settings) | dataclasses.asdict(recipe),
        **others,
    )


def untrained(recipe: AutoencoderRecipe, seed: int) -> Autoencoder:
    """Make the autoencoder that a training of this seed begins with: the control of all claims."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(derive_seed("models.weights", seed, NAME))
        return Autoencoder(recipe).eval().requires_grad_(False)


def load_autoencoder(path: Path) -> Autoencoder:
    """Read a trained autoencoder onto the CPU.

    Parameters
    ----------
    path : Path
        ``weights.pt`` in the folder of a run, or the networks of one of its checkpoints.

    Returns
    -------
    Autoencoder
        Which moves no more.

    Raises
    ------
    LakeError
        If it or the run's ``settings.json`` is absent or damaged, or they do not fit.
    """
    recipe = recipe_of_run(path.parent)
    network = filled(lambda: Autoencoder(recipe), read_weights(path), path)
    return network.eval().requires_grad_(False)


def recipe_of_run(folder: Path) -> AutoencoderRecipe:
    """Read what made a run; LakeError if the record is absent or no autoencoder's."""
    record = folder / SETTINGS_FILE
    try:
        return AutoencoderRecipe.of(json.loads(seals.read(record))["settings"])
    except OSError as error:
        raise LakeError(f"cannot read {record}: {error}; train the network again") from error
    except (ValueError, TypeError, KeyError) as error:
        raise LakeError(
            f"{record} is no record of an autoencoder ({str(error)[:200]}); train it again"
        ) from error


def entry_of(recipe: AutoencoderRecipe, folder: Path) -> ModelEntry:
    """Say of an autoencoder what the training loop knows of a network."""
    return ModelEntry(
        "Autoencoder",
        partial(_build, recipe),
        InputSpec(recipe.side, recipe.side),
        learner=partial(ReconstructionLearner, folder=Path(folder)),
    )


def _in_order(images: NDArray[np.float32], size: int) -> list[tuple[NDArray[np.float32], None]]:
    return [(images[first : first + size], None) for first in range(0, len(images), size)]


def _build(recipe: AutoencoderRecipe, settings: TrainingSettings) -> nn.Module:
    return Autoencoder(recipe)
