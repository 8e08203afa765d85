"""Train one network so that it can be killed at any moment and resumed as if nothing had happened.

The recipe is paper 001, III.E: mean square error, Adam, a learning rate that is halved when
validation loss stalls, early stopping, and the weights of the best epoch. A resumed run equals an
undisturbed one tensor for tensor on one machine's CPU; on a GPU torch has no deterministic
backward pass for pooling, and last digits may differ.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from musqa_pipeline.core.settings.models import ModelsSettings
from musqa_pipeline.learning.data.shards import ImageShards
from musqa_pipeline.learning.registry import ModelEntry, find_model
from musqa_pipeline.learning.training.attempt import Attempt, Metrics, TrainingResult
from musqa_pipeline.learning.training.batches import ShardBatches, TrainBatches, ValidationBatches
from musqa_pipeline.learning.training.ranks import Rank, started


def train(
    model_name: str,
    *,
    train_batches: TrainBatches,
    validation_batches: ValidationBatches | None,
    settings: ModelsSettings,
    folder: Path,
    entry: ModelEntry | None = None,
    data_fingerprint: str = "",
    log: Callable[[str], object] = print,
    on_epoch: Callable[[Metrics], object] | None = None,
    n_threads: int | None = None,
) -> TrainingResult:
    """Train a network, or go on where an earlier attempt was ended.

    Parameters
    ----------
    model_name : str
        Name in the registry.
    train_batches : callable
        Takes an epoch, gives its batches, see `Batch`, in an order that depends on the settings'
        seed and the epoch alone. An epoch is what lies between two checkpoints.
    validation_batches : callable or None
        Gives the batches that decide on learning rate, stopping and best epoch. Without them the
        first rate stays, training goes on to `max_epochs`, and the last weights are kept.
    settings : ModelsSettings
        The recipe. With `devices` above 1, other processes train too: then network, batches and
        settings have to be picklable.
    folder : Path
        Folder of this run: checkpoint, weights, settings, curves and environment are written here.
    entry : ModelEntry, optional
        What `model_name` stands for; that of the registry when left out.
    data_fingerprint : str
        What the batches come from; an attempt with other data is refused.
    log : callable
        Takes a line of text per epoch.
    on_epoch : callable, optional
        Takes the numbers of each epoch that this attempt finished: ``epoch`` (from 0), ``loss``,
        ``validation_loss``, their roots ``rmse`` and ``validation_rmse`` on quality (or the means
        of a learner of its own), the ``learning_rate``, ``seconds``, ``images_per_s``,
        ``best_epoch`` and ``best_validation_loss``; on a GPU whose peak is known also
        ``share_of_peak``.
    n_threads : int, optional
        Threads for torch; `MUSQA_WORKERS`, or all usable cores, by `devices` when left out.

    Returns
    -------
    TrainingResult
        Of all attempts together.

    Raises
    ------
    SettingsError
        If the network is unknown or does not eat such images.
    StageError
        If there is no image, or a loss is not finite.
    LakeError
        If the folder cannot be written, or holds another training's checkpoint.
    """
    what = (model_name, entry or find_model(model_name), settings, Path(folder))
    batches = (train_batches, validation_batches)
    attempt = Attempt(*what, n_threads, log, on_epoch)
    attempt.prepare(data_fingerprint)
    if not attempt.is_over():
        same = (what, attempt.n_threads, data_fingerprint, batches)
        with started(settings.devices, _follow, same) as rank:
            attempt.resume_or_start(*batches, rank)
    return attempt.result()


def train_on_images(
    model_name: str,
    training: ImageShards,
    validation: ImageShards,
    settings: ModelsSettings,
    **others: Any,
) -> TrainingResult:
    """Train a network on stored images, in batches of its recipe; `others` are those of `train`."""
    n_devices = settings.devices
    return train(
        model_name,
        train_batches=ShardBatches(training, settings.batch_size, settings.seed, n_devices),
        validation_batches=ShardBatches(validation, settings.batch_size, n_devices=n_devices),
        settings=settings,
        **others,
    )


def _follow(
    rank: Rank,
    ready: Callable[[], None],
    what: tuple[str, ModelEntry, ModelsSettings, Path],
    n_threads: int,
    data_fingerprint: str,
    batches: tuple[TrainBatches, ValidationBatches | None],
) -> None:
    """Train as another rank does: from the same checkpoint, without a word and without writing."""
    attempt = Attempt(*what, n_threads, _unheard, None)
    attempt.read(data_fingerprint)
    ready()
    attempt.resume_or_start(*batches, rank)


def _unheard(line: str) -> None:
    """Take a line that rank 0 says too."""
