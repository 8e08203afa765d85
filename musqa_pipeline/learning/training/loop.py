"""The training loop: Lightning runs it, this module says how.

Chance in an epoch has two sources, and both are functions of (seed, epoch, batch): the order of
images, which `train_batches(epoch)` decides, and dropout, reseeded before every batch. So an epoch
that is done again after a kill gives the same weights.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from musqa_pipeline.core import seals
from musqa_pipeline.learning import torchvision_ops  # noqa: F401 - must precede lightning
from musqa_pipeline.learning.device import find_device, find_precision
from musqa_pipeline.learning.entry import ModelEntry, TrainingSettings
from musqa_pipeline.learning.training.batches import (
    Batch,
    Epochs,
    TrainBatches,
    ValidationBatches,
)
from musqa_pipeline.learning.training.checkpoint import CHECKPOINT_FILE, write_tensors
from musqa_pipeline.learning.training.learner import Learner
from musqa_pipeline.learning.training.ranks import Rank

import lightning.pytorch as pl  # isort: skip
from lightning.pytorch.plugins import CheckpointIO  # isort: skip
from lightning.pytorch.plugins.environments import LightningEnvironment  # isort: skip

_DDP = {True: "ddp", False: "ddp_find_unused_parameters_true"}
"""By whether a step moves all that needs a gradient; one of several optimizers moves a part, and a
wav2vec 2.0 passes over blocks."""


class Task(NamedTuple):
    """A training: what all its attempts and ranks share."""

    name: str
    """What the network is called."""
    entry: ModelEntry
    settings: TrainingSettings
    folder: Path
    """Folder of the run; rank 0 alone writes to it."""
    identity: Mapping[str, Any]
    """In what an attempt has to agree to be gone on with."""
    train_batches: TrainBatches
    validation_batches: ValidationBatches | None
    outputs_folder: Path
    """Where a frozen stem keeps what it gave."""


class WholeCheckpoints(CheckpointIO):
    """Lightning's checkpoints in files that are either whole or absent.

    What to go on from is there already, and let go once Lightning has taken it.
    """

    def __init__(self, saved: dict[str, Any] | None) -> None:
        self.saved = saved

    def save_checkpoint(
        self, checkpoint: dict[str, Any], path: str | Path, storage_options: Any = None
    ) -> None:
        """Replace the checkpoint before."""
        write_tensors(Path(path), checkpoint)

    def load_checkpoint(self, path: str | Path, *_: Any, **__: Any) -> dict[str, Any]:
        """Hand over what was read."""
        saved, self.saved = self.saved, None
        assert saved is not None
        return saved

    def remove_checkpoint(self, path: str | Path) -> None:
        """Delete a checkpoint."""
        seals.remove(Path(path))


def run_loop(
    task: Task,
    learner: Learner,
    callbacks: list[pl.Callback],
    checkpoints: WholeCheckpoints,
    rank: Rank,
) -> None:
    """Train fresh weights until a callback says stop, or `max_epochs` are over.

    A learner that steps by hand also clips by hand. `StageError` if there is no image, or a loss is
    not finite; `SettingsError` if inputs do not have the shape that the network eats, or the
    precision needs a GPU.
    """
    settings = task.settings
    device = find_device(settings.device)
    on_gpu, is_alone = device.type == "cuda", rank.n_ranks == 1
    clip = settings.gradient_clip_norm if learner.automatic_optimization else 0
    moves_all = learner.automatic_optimization and task.entry.body != "wav2vec2"
    trainer = pl.Trainer(
        accelerator="gpu" if on_gpu else "cpu",
        devices=[device.index] if on_gpu and is_alone else rank.n_ranks,
        strategy="auto" if is_alone else _DDP[moves_all],
        sync_batchnorm=on_gpu and not is_alone,
        max_epochs=settings.max_epochs,
        # Without an environment Lightning looks for a cluster and misreads its variables.
        plugins=[checkpoints, LightningEnvironment()],
        callbacks=callbacks,
        default_root_dir=task.folder,  # nothing writes there unasked
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
        use_distributed_sampler=False,
        precision=find_precision(settings.precision, device),
        gradient_clip_val=clip or None,
    )

    def epochs(batches: Callable[[], Iterable[Batch]]) -> Epochs:
        return Epochs(batches, task.entry.input, rank)

    try:
        trainer.fit(
            learner,
            train_dataloaders=epochs(lambda: task.train_batches(trainer.current_epoch)),
            val_dataloaders=task.validation_batches and epochs(task.validation_batches),
            ckpt_path=task.folder / CHECKPOINT_FILE if checkpoints.saved else None,
        )
    except SystemExit as stop:
        # Lightning turns Ctrl-C into an exit of the whole process.
        if isinstance(stop.__context__, KeyboardInterrupt):
            raise KeyboardInterrupt from stop
        raise
