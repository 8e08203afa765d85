"""Pre-train a wav2vec 2.0, by the loop that trains the other networks."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from musqa_pipeline.core.seeds import derive_seed
from musqa_pipeline.learning.entry import InputSpec, ModelEntry, TrainingSettings
from musqa_pipeline.learning.pretraining.crops import CropBatches
from musqa_pipeline.learning.pretraining.folder import write_folder
from musqa_pipeline.learning.pretraining.learner import ContrastiveLearner
from musqa_pipeline.learning.pretraining.recipe import Wav2Vec2Recipe
from musqa_pipeline.learning.pretraining.wav2vec2 import build_pretraining, load_transformers
from musqa_pipeline.learning.training.attempt import TrainingResult
from musqa_pipeline.learning.training.checkpoint import read_weights
from musqa_pipeline.learning.training.kept import filled
from musqa_pipeline.learning.training.train import train

NAME = "wav2vec2"
"""What every one is called, as first weights follow from (seed, name)."""


def train_wav2vec2(
    recipe: Wav2Vec2Recipe,
    *,
    streams: Sequence[NDArray[np.int16]],
    training: TrainingSettings,
    folder: Path,
    **others: Any,
) -> TrainingResult:
    """Pre-train a wav2vec 2.0, or go on where an earlier attempt was ended.

    Parameters
    ----------
    recipe : Wav2Vec2Recipe
        What makes it.
    streams : sequence of ndarray of int16, shape (samples,)
        Music, mono at 16 kHz, see `CropBatches`; ``data_fingerprint`` names it.
    training : TrainingSettings
        Its ``seed``, ``precision``, ``device``, ``devices`` and ``max_minutes`` are looked at.
    folder : Path
        Folder of the run, as of other networks. Once it is finished, ``config.json`` and
        ``model.safetensors`` are there too, as transformers writes them.
    **others
        Of `learning.training.train`: ``data_fingerprint``, ``log``, ``on_epoch``, ``n_threads``.

    Returns
    -------
    TrainingResult
        Of all attempts together; epochs are checkpoints.

    Raises
    ------
    ToolError
        If transformers is not installed.
    StageError
        If no stream is as long as a crop, or a loss is not finite. The checkpoint before it is
        kept.
    LakeError
        If the folder cannot be written, or holds another training's checkpoint.
    """
    load_transformers()
    settings = dataclasses.replace(
        training,
        max_epochs=recipe.updates // recipe.checkpoint_updates,
        weight_average_decay=0.0,
        kept_weights="last",
    )
    result = train(
        NAME,
        entry=entry_of(recipe, folder),
        settings=settings,
        train_batches=CropBatches(streams, recipe, settings.seed),
        validation_batches=None,
        folder=folder,
        identity={**recipe.identity(), "seed": settings.seed, "precision": settings.precision},
        record=dataclasses.asdict(settings) | dataclasses.asdict(recipe),
        **others,
    )
    if result.finished:
        build = partial(build_pretraining, recipe.architecture)
        write_folder(folder, filled(build, read_weights(result.weights), result.weights))
    return result


def untrained(recipe: Wav2Vec2Recipe, seed: int) -> nn.Module:
    """Make the network that a training of this seed begins with: the control of all claims."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(derive_seed("models.weights", seed, NAME))
        network: nn.Module = build_pretraining(recipe.architecture)
    return network.eval()


def entry_of(recipe: Wav2Vec2Recipe, folder: Path) -> ModelEntry:
    """Say of a wav2vec 2.0 what the training loop knows of a network."""
    return ModelEntry(
        "wav2vec 2.0",
        partial(_build, recipe),
        InputSpec(others=((recipe.crop_samples,),)),
        learner=partial(ContrastiveLearner, recipe=recipe, folder=Path(folder)),
    )


def _build(recipe: Wav2Vec2Recipe, settings: TrainingSettings) -> nn.Module:
    network: nn.Module = build_pretraining(recipe.architecture)
    return network
