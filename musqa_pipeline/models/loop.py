"""The training loop: Lightning runs it, this module says what an epoch is.

Chance in an epoch has two sources, and both are functions of (seed, epoch, batch): the order of
images, which `train_batches(epoch)` decides, and dropout, reseeded before every batch. So an epoch
that is done again after a kill gives the same weights.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from musqa_pipeline.errors import SettingsError, StageError
from musqa_pipeline.models import torchvision_ops  # noqa: F401 - must precede lightning
from musqa_pipeline.models.averaging import WeightAverage
from musqa_pipeline.models.batches import Epochs, Share, TrainBatches, ValidationBatches
from musqa_pipeline.models.checkpoint import Checkpoint
from musqa_pipeline.models.optimizer import make_optimizer
from musqa_pipeline.models.ranks import Rank, RankEnvironment
from musqa_pipeline.models.registry import InputSpec
from musqa_pipeline.models.settings import ModelsSettings
from musqa_pipeline.seeds import derive_seed

import lightning.pytorch as pl  # isort: skip
from lightning.pytorch.plugins.environments import LightningEnvironment  # isort: skip
from lightning.pytorch.strategies import DDPStrategy  # isort: skip

EpochEnd = Callable[["Loop", "EpochSums"], bool]
"""Takes the loop and what the epoch came to; true ends training."""
Loss = Callable[[nn.Module, Tensor, Tensor], Tensor]


class EpochSums(NamedTuple):
    """What an epoch came to, over all ranks."""

    loss: float
    validation_loss: float
    seconds: float
    """From the end of the epoch before, so that writing checkpoints is counted too."""
    images_per_s: float
    """Images trained on a second, validation and writing left out."""


def mean_square_error(network: nn.Module, images: Tensor, quality: Tensor) -> Tensor:
    """Return the mean square error of a network's predictions (paper 001, III.E)."""
    return functional.mse_loss(network(images), quality)


class Loop(pl.LightningModule):
    """One attempt at a training: from a finished epoch, or from the start, to its end.

    Parameters
    ----------
    network : nn.Module
        Images in, quality out.
    settings : ModelsSettings
        Seed, and what an optimizer does.
    first_epoch : int
        Number of epochs that earlier attempts finished.
    saved : Checkpoint or None
        Optimizer, averages and loss scaling at that point; the network has its weights.
    learning_rate : callable
        Gives the rate of the epoch that begins.
    on_epoch_end : callable
        See `EpochEnd`.
    loss : callable, optional
        Of (network, images, quality); the mean square error when left out.
    rank : Rank, optional
        Which of the processes that train together this is.
    """

    def __init__(
        self,
        network: nn.Module,
        settings: ModelsSettings,
        *,
        first_epoch: int,
        saved: Checkpoint | None,
        learning_rate: Callable[[], float],
        on_epoch_end: EpochEnd,
        loss: Loss | None = None,
        rank: Rank | None = None,
    ) -> None:
        super().__init__()
        self.network = network
        self.epoch = first_epoch
        self.settings = settings
        self._optimizer_state = saved.optimizer if saved else None
        self._scaler_state = saved.scaler if saved else None
        self._average: WeightAverage | None = None
        if settings.weight_average_decay:
            self._average = WeightAverage(network, settings.weight_average_decay)
            if saved:
                self._average.load_state_dict(saved.average)
        self._learning_rate = learning_rate
        self._on_epoch_end = on_epoch_end
        self._loss = loss or mean_square_error
        self.rank = rank or Rank()
        self._mark = self._began = time.monotonic()
        self._training_s = 0.0
        self._train_sums: list[Tensor] = []
        self._validation_sums: list[Tensor] = []
        self._n_train = self._n_validation = 0

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """Make Adam, or AdamW, as it was when the last epoch ended."""
        optimizer = make_optimizer(self.network, self.settings, self._learning_rate())
        if self._optimizer_state is not None:
            optimizer.load_state_dict(dict(self._optimizer_state))
            self._optimizer_state = None
        return optimizer

    def on_fit_start(self) -> None:
        """Set the loss scaling of float16 to what it was."""
        if self._scaler_state:
            self.trainer.precision_plugin.load_state_dict(dict(self._scaler_state))
            self._scaler_state = None

    def on_train_epoch_start(self) -> None:
        """Set the learning rate and forget the sums of the epoch before."""
        for group in self.adam.param_groups:
            group["lr"] = self._learning_rate()
        self._train_sums, self._validation_sums = [], []
        self._n_train = self._n_validation = 0
        self._began = time.monotonic()

    def on_train_batch_start(self, batch: Any, batch_idx: int) -> None:
        """Seed dropout from (seed, epoch, batch), so that a resumed epoch repeats it."""
        which: tuple[int, ...] = (self.settings.seed, self.epoch, batch_idx)
        if not self.rank.leads:
            which = (*which, self.rank.number)
        torch.manual_seed(derive_seed("models.batch", *which))

    def training_step(self, batch: Share, batch_idx: int) -> Tensor:
        """Return the loss of a batch; the mean over ranks is that of the whole batch."""
        images, quality, n_own, n_all = batch
        loss = self._loss(self.network, images, quality)
        self._train_sums.append(loss.detach() * n_own)
        self._n_train += n_own
        if self.rank.n_ranks > 1:
            loss = loss * (n_own * self.rank.n_ranks / n_all)
        return loss

    def on_train_batch_end(self, outputs: Any, batch: Any, batch_idx: int) -> None:
        """Take the weights after the step into their average."""
        if self._average:
            self._average.update(self.network)

    def on_validation_start(self) -> None:
        """Let the averaged weights be judged."""
        if self._train_sums:
            self._train_sums[-1].item()  # a GPU is done only when asked for a number
        self._training_s = time.monotonic() - self._began
        if self._average:
            self._average.swap(self.network)

    def on_validation_end(self) -> None:
        """Go on with the weights as they move."""
        if self._average:
            self._average.swap(self.network)

    def validation_step(self, batch: Share, batch_idx: int) -> None:
        """Add up the square errors of a batch."""
        images, quality, n_own, _ = batch
        errors = (self.network(images) - quality)[:n_own]
        self._validation_sums.append(errors.double().square().sum())
        self._n_validation += n_own

    def on_train_epoch_end(self) -> None:
        """Hand over the epoch's losses; validation has run by now."""
        sums = [_total(self._train_sums), self._n_train]
        sums += [_total(self._validation_sums), self._n_validation]
        values = torch.tensor(sums, dtype=torch.float64, device=self.device)
        train_sum, n_train, validation_sum, n_validation = self.rank.totals(values).tolist()
        if n_train == 0:
            raise StageError(
                "training: no image to train on; add recordings to the catalogs that the preset "
                "sees"
            )
        if n_validation == 0:
            raise StageError(
                "training: no image to validate with; add recordings, or raise [dataset] "
                "validation_fraction"
            )
        loss, validation_loss = train_sum / n_train, validation_sum / n_validation
        if not np.isfinite([loss, validation_loss]).all():
            raise StageError(
                f"training: loss={loss}, validation loss={validation_loss} in epoch {self.epoch}, "
                "expected finite numbers; lower [models] learning_rate"
            )
        self.epoch += 1
        before, self._mark = self._mark, time.monotonic()
        epoch = EpochSums(loss, validation_loss, self._mark - before, n_train / self._training_s)
        stop = self._on_epoch_end(self, epoch)
        self.trainer.should_stop = self.rank.agreed(stop, self.device)

    def used_weights(self) -> Mapping[str, Tensor]:
        """Return the state dictionary that validation judged: with averages where there are any."""
        return self._average.merged(self.network) if self._average else self.network.state_dict()

    def checkpoint(self, **record: Any) -> Checkpoint:
        """Return all that an attempt needs to go on from here; `record` is what it cannot know."""
        return Checkpoint(
            **record,
            network=self.network.state_dict(),
            optimizer=self.adam.state_dict(),
            average=self._average.state_dict() if self._average else {},
            scaler=self.trainer.precision_plugin.state_dict(),
        )

    @property
    def adam(self) -> torch.optim.Optimizer:
        """The optimizer itself; `optimizers()` wraps it to count steps."""
        return self.trainer.optimizers[0]


def run_loop(
    loop: Loop,
    *,
    spec: InputSpec,
    train_batches: TrainBatches,
    validation_batches: ValidationBatches,
    n_epochs: int,
    folder: Path,
) -> None:
    """Train until the loop's end of epoch says stop, or for `n_epochs`.

    Parameters
    ----------
    loop : Loop
        What to train and where it stands.
    spec : InputSpec
        What its network eats.
    train_batches, validation_batches : callable
        Where images come from.
    n_epochs : int
        Most epochs of this attempt.
    folder : Path
        Lightning's own folder; nothing is written to it.

    Raises
    ------
    StageError
        If there is no image, or a loss is not finite.
    SettingsError
        If images do not have the shape that the network eats.
    """
    settings = loop.settings
    if settings.precision == "16-mixed" and not torch.cuda.is_available():
        raise SettingsError(
            "[models] precision='16-mixed' needs a GPU, and there is none; edit the preset to "
            "'bf16-mixed' or '32'"
        )
    on_gpu, rank = torch.cuda.is_available(), loop.rank
    # Without one Lightning looks for a cluster and misreads a job scheduler's variables.
    several, one = DDPStrategy(cluster_environment=RankEnvironment(rank)), LightningEnvironment()
    trainer = pl.Trainer(
        accelerator="gpu" if on_gpu else "cpu",
        devices=rank.n_ranks,
        strategy=several if rank.n_ranks > 1 else "auto",
        sync_batchnorm=on_gpu and rank.n_ranks > 1,
        max_epochs=n_epochs,
        plugins=None if rank.n_ranks > 1 else [one],
        default_root_dir=folder,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
        use_distributed_sampler=False,
        precision=settings.precision,
        gradient_clip_val=settings.gradient_clip_norm or None,
    )
    try:
        trainer.fit(
            loop,
            # `loop.epoch`, not the trainer's: that one counts from 0 in each attempt.
            train_dataloaders=Epochs(lambda: train_batches(loop.epoch), spec, rank),
            val_dataloaders=Epochs(validation_batches, spec, rank),
        )
    except SystemExit as stop:
        # Lightning turns Ctrl-C into an exit of the whole process.
        if isinstance(stop.__context__, KeyboardInterrupt):
            raise KeyboardInterrupt from stop
        raise


def _total(sums: list[Tensor]) -> float:
    return float(torch.stack(sums).double().sum()) if sums else 0.0
