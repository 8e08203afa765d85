"""Train a GAN, by the loop that trains the other networks."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import nn

from musqa_pipeline.core.seeds import derive_seed
from musqa_pipeline.learning.entry import InputSpec, ModelEntry, TrainingSettings
from musqa_pipeline.learning.gan.images import images_of
from musqa_pipeline.learning.gan.learner import BATCHES_A_STEP, AdversarialLearner, settled_distance
from musqa_pipeline.learning.gan.pair import Pair
from musqa_pipeline.learning.gan.recipe import GanRecipe
from musqa_pipeline.learning.gan.tracks import SegmentBatches, Tracks, order_of
from musqa_pipeline.learning.training.attempt import TrainingResult
from musqa_pipeline.learning.training.train import train


def train_gan(
    name: str,
    gan: GanRecipe,
    *,
    tracks: Tracks,
    validation: Tracks | None,
    training: TrainingSettings,
    folder: Path,
    on_epoch: Callable[[Mapping[str, Any]], object] | None = None,
    **others: Any,
) -> TrainingResult:
    """Train a GAN, or go on where an earlier attempt was ended.

    Parameters
    ----------
    name : str
        What it is called.
    gan : GanRecipe
        What makes it.
    tracks, validation : Tracks
        What it learns from, and originals that it never meets, of which a curve shows scores.
    training : TrainingSettings
        Its ``seed``, ``precision``, ``device``, ``devices`` and ``max_minutes`` are looked at.
    folder : Path
        Folder of the run, as of other networks; ``networks-<epoch>.pt`` are those of the last
        checkpoints, ``weights.pt`` of the last one.
    on_epoch : callable, optional
        As of `learning.training.train`, at each checkpoint. ``images_per_s`` are real images, of
        which a step has two batches; ``seconds_a_step`` is a step of the generator with its two of
        the discriminator, without what a checkpoint takes.
    **others
        Of `learning.training.train`: ``data_fingerprint``, ``log``, ``n_threads``.

    Returns
    -------
    TrainingResult
        Of all attempts together; epochs are checkpoints.

    Raises
    ------
    StageError
        If there is no track, or training diverged: a loss is not finite, or scores of real and
        generated images are more than 20 apart. The checkpoint before it is kept.
    LakeError
        If the folder cannot be written, or holds another training's checkpoint.
    """
    settings = dataclasses.replace(
        training,
        max_epochs=gan.steps // gan.checkpoint_steps,
        weight_average_decay=0.0,
        kept_weights="last",
    )
    n_batches = BATCHES_A_STEP * gan.checkpoint_steps
    batches = SegmentBatches(tracks, gan.batch_size, n_batches, settings.seed)
    return train(
        name,
        entry=entry_of(gan, folder),
        settings=settings,
        train_batches=batches,
        validation_batches=None if validation is None else each_once(validation, gan.batch_size),
        folder=folder,
        identity={**gan.identity(), "seed": settings.seed, "precision": settings.precision},
        record=dataclasses.asdict(settings) | dataclasses.asdict(gan),
        on_epoch=None if on_epoch is None else partial(_timed, gan, on_epoch),
        **others,
    )


def _timed(
    gan: GanRecipe, on_epoch: Callable[[Mapping[str, Any]], object], numbers: Mapping[str, Any]
) -> None:
    """Say how long a step was, too."""
    step_s = BATCHES_A_STEP * gan.batch_size / numbers["images_per_s"]
    on_epoch({**numbers, "seconds_a_step": step_s})


def untrained_distance(name: str, gan: GanRecipe, tracks: Tracks, seed: int) -> float:
    """Return the Fréchet distance of images by the generator that a training begins with.

    Parameters are those of `train_gan`.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(derive_seed("models.weights", seed, name))
        pair = Pair(gan)
    n, spec = gan.described_images, gan.images
    batches = SegmentBatches(tracks, gan.batch_size, -(-n // gan.batch_size), seed)
    real_n1hw = torch.cat([images_of(torch.from_numpy(pcm), spec) for pcm, _ in batches()])[:n]
    return settled_distance(pair, real_n1hw, seed)


def entry_of(gan: GanRecipe, folder: Path) -> ModelEntry:
    """Say of a GAN what the training loop knows of a network."""
    return ModelEntry(
        "Generator and discriminator",
        partial(_build, gan),
        InputSpec(others=((gan.images.segment_samples,),)),
        learner=partial(AdversarialLearner, folder=Path(folder)),
    )


def each_once(tracks: Tracks, batch_size: int) -> SegmentBatches:
    """Return the same segments whenever asked: a pass, and what fills the last batch."""
    n_segments = len(order_of(tracks.genres, seed=0, epoch=0))
    return SegmentBatches(tracks, batch_size, -(-n_segments // batch_size), seed=0)


def _build(gan: GanRecipe, settings: TrainingSettings) -> nn.Module:
    return Pair(gan)
