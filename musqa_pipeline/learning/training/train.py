"""Train one network so that it can be killed at any moment and resumed as if nothing had happened.

The recipe is paper 001, III.E: mean square error, Adam, a learning rate that is halved when
validation loss stalls, early stopping, and the weights of the best epoch. A resumed run equals an
undisturbed one tensor for tensor on one machine's CPU. On a GPU it did so far (docs/gpu.md), but
torch has no deterministic backward pass for pooling there, and last digits may differ.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from musqa_pipeline.learning.device import find_device
from musqa_pipeline.learning.entry import ModelEntry, TrainingSettings
from musqa_pipeline.learning.training.attempt import Attempt, Metrics, TrainingResult
from musqa_pipeline.learning.training.batches import TrainBatches, ValidationBatches
from musqa_pipeline.learning.training.loop import Task
from musqa_pipeline.learning.training.ranks import Rank, started


def train(
    name: str,
    *,
    entry: ModelEntry,
    settings: TrainingSettings,
    train_batches: TrainBatches,
    validation_batches: ValidationBatches | None,
    folder: Path,
    data_fingerprint: str = "",
    identity: Mapping[str, Any] | None = None,
    record: Mapping[str, Any] | None = None,
    log: Callable[[str], object] = print,
    on_epoch: Callable[[Metrics], object] | None = None,
    n_threads: int | None = None,
    outputs_folder: Path | None = None,
) -> TrainingResult:
    """Train a network, or go on where an earlier attempt was ended.

    Parameters
    ----------
    name : str
        What the network is called.
    entry : ModelEntry
        How it is built and what it eats.
    settings : TrainingSettings
        With `devices` above 1, other processes train too: then entry and batches have to be
        picklable.
    train_batches : callable
        Takes an epoch, gives its batches, see `Batch`, in an order that depends on the epoch
        alone. An epoch is what lies between two checkpoints.
    validation_batches : callable or None
        Gives the batches that decide on learning rate, stopping and best epoch. Without them the
        first rate stays, training goes on to `max_epochs`, and the last weights are kept.
    folder : Path
        Folder of this run: checkpoint, weights, settings, curves and environment are written here.
    data_fingerprint : str
        What the batches come from; an attempt with other data is refused.
    identity : mapping, optional
        In what else an attempt has to agree to be gone on with; all settings when left out. How
        long a training may take, and where it runs, are never part of it.
    record : mapping, optional
        The settings as ``settings.json`` keeps them, where there are more.
    log : callable
        Takes a line of text per epoch.
    on_epoch : callable, optional
        Takes the numbers of each epoch that this attempt finished: ``epoch`` (from 0), ``loss``,
        ``validation_loss``, of squares also their roots ``rmse`` and ``validation_rmse`` on quality
        (or the means of a learner of its own), where it counts ``validation_r``, the
        ``learning_rate``, ``seconds``, ``images_per_s``, ``best_epoch`` and
        ``best_validation_loss``; on a GPU whose peak is known also ``share_of_peak``.
    n_threads : int, optional
        Threads for torch; `MUSQA_WORKERS`, or all usable cores, by `devices` when left out.
    outputs_folder : Path, optional
        Where a frozen stem keeps what it gave for each image, so that other trainings of it need
        not ask again; `folder` when left out.

    Returns
    -------
    TrainingResult
        Of all attempts together.

    Raises
    ------
    SettingsError
        If the network does not eat such images.
    StageError
        If there is no image, or a loss is not finite.
    LakeError
        If the folder cannot be written, or holds another training's checkpoint.
    """
    own = {**(identity or asdict(settings)), "model": name, "data": data_fingerprint}
    own = {key: value for key, value in own.items() if key not in ("max_minutes", "device")}
    kept = Path(outputs_folder or folder)
    task = Task(name, entry, settings, Path(folder), own, train_batches, validation_batches, kept)
    attempt = Attempt(task, n_threads, log, on_epoch)
    attempt.prepare(
        {
            "model": name,
            "data_fingerprint": data_fingerprint,
            "settings": record or asdict(settings),
        }
    )
    if not attempt.is_over():
        device = find_device(settings.device)
        with started(settings.devices, device, _follow, (task, attempt.n_threads)) as rank:
            attempt.resume_or_start(rank)
    return attempt.result()


def _follow(rank: Rank, ready: Callable[[], None], task: Task, n_threads: int) -> None:
    """Train as another rank does: from the same checkpoint, without a word and without writing."""
    attempt = Attempt(task, n_threads, lambda line: None, None)
    attempt.read()
    ready()
    attempt.resume_or_start(rank)
