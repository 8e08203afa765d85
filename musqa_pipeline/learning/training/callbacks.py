"""What every training does beside its steps: seeds each batch, counts examples, takes the time."""

from __future__ import annotations

import time
from typing import Any

import torch

from musqa_pipeline.core.errors import StageError
from musqa_pipeline.core.seeds import derive_seed
from musqa_pipeline.learning import torchvision_ops  # noqa: F401 - must precede lightning
from musqa_pipeline.learning.training.batches import Share

import lightning.pytorch as pl  # isort: skip


class BatchSeeds(pl.Callback):
    """Seeds dropout from (seed, epoch, batch), so that a resumed epoch repeats it.

    Parameters
    ----------
    seed : int
        Of the training.
    """

    def __init__(self, seed: int) -> None:
        self.seed = seed

    def on_train_batch_start(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, batch: Share, batch_idx: int
    ) -> None:
        """Seed torch's global generator; each rank has chance of its own."""
        which: tuple[int, ...] = (self.seed, trainer.current_epoch, batch_idx)
        if not trainer.is_global_zero:
            which = (*which, trainer.global_rank)
        torch.manual_seed(derive_seed("models.batch", *which))


class EpochClock(pl.Callback):
    """Counts the examples of an epoch and how long training on them took.

    Parameters
    ----------
    validates : bool
        Whether there is anything to validate with.
    """

    def __init__(self, *, validates: bool) -> None:
        self.validates = validates
        self._epoch_began = self._training_began = time.monotonic()
        self._training_s = 0.0
        self._n_trained = self._n_validated = 0

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Begin anew."""
        self._n_trained = self._n_validated = 0
        self._training_began = time.monotonic()

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: Any, outputs: Any, batch: Share, batch_idx: int
    ) -> None:
        """Count what was trained on."""
        self._n_trained += batch.n_own

    def on_validation_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Stop the clock of training; a GPU is done only when it is waited for."""
        if torch.cuda.is_available():
            torch.cuda.synchronize()
        self._training_s = time.monotonic() - self._training_began

    def on_validation_batch_end(
        self, trainer: pl.Trainer, pl_module: Any, outputs: Any, batch: Share, *_: Any
    ) -> None:
        """Count what was validated with."""
        self._n_validated += batch.n_own

    def take_times(self, trainer: pl.Trainer, device: torch.device) -> dict[str, float]:
        """Return ``seconds`` and ``images_per_s``, see `History`, or refuse an empty epoch."""
        if not self.validates:
            self.on_validation_start(trainer, trainer.lightning_module)
        counts = torch.tensor([self._n_trained, self._n_validated], device=device)
        n_trained, n_validated = trainer.strategy.reduce(counts, reduce_op="sum").tolist()
        if not n_trained:
            raise StageError(
                "training: no image to train on; add recordings to the catalogs that the preset "
                "sees"
            )
        if self.validates and not n_validated:
            raise StageError(
                "training: no image to validate with; add recordings, or raise [dataset] "
                "validation_fraction"
            )
        before, self._epoch_began = self._epoch_began, time.monotonic()
        seconds = self._epoch_began - before
        return {"seconds": seconds, "images_per_s": n_trained / self._training_s}
