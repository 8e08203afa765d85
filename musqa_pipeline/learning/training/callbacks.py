"""What a training does beside its steps: seeds batches, counts and times them, averages weights."""

from __future__ import annotations

import time
from typing import Any

import torch
from torch import Tensor, nn

from musqa_pipeline.core.errors import StageError
from musqa_pipeline.core.seeds import derive_seed
from musqa_pipeline.learning import torchvision_ops  # noqa: F401 - must precede lightning
from musqa_pipeline.learning.training.batches import Share

import lightning.pytorch as pl  # isort: skip
from lightning.pytorch.callbacks import WeightAveraging  # isort: skip


class BatchSeeds(pl.Callback):
    """Seeds dropout from (seed, epoch, batch), so that a resumed epoch repeats it."""

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
    """Counts the examples of an epoch and how long training on them took."""

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
        if pl_module.device.type == "cuda":
            torch.cuda.synchronize(pl_module.device)
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


class WeightAverage(WeightAveraging):
    """Lightning's average, begun with the first weights and with a decay that grows.

    The decay of step n (from 0) is at most (1 + n) / (10 + n), so that the first weights are soon
    forgotten, and at most `decay`, in (0, 1); TensorFlow's
    ``ExponentialMovingAverage(num_updates=)`` does the same. Statistics of batch norms are averaged
    like weights. Validation judges the average, and so does the user.
    """

    def __init__(self, decay: float) -> None:
        super().__init__(multi_avg_fn=self._move)
        self.decay = decay

    @property
    def network(self) -> nn.Module:
        """The network with the averages as its weights."""
        assert self._average_model is not None
        network = self._average_model.module.network
        assert isinstance(network, nn.Module)
        return network

    def on_fit_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Put the average where the network is by now; the first weights are the first average."""
        assert self._average_model is not None
        self._average_model.module.to(pl_module.device)
        if not self._average_model.n_averaged:
            self._average_model.update_parameters(pl_module)

    @torch.no_grad()
    def _move(self, average: Any, now: Any, n_averaged: Tensor | int) -> None:
        if average[0].is_floating_point():
            assert self._average_model is not None
            n = int(self._average_model.n_averaged)  # on the CPU, so that no GPU is waited for
            torch._foreach_lerp_(average, now, 1 - min(self.decay, n / (9 + n)))
        else:  # counters
            torch._foreach_copy_(average, now)
