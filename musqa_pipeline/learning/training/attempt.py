"""One attempt at a training: what is read before it, stored after each epoch, and said of it."""

from __future__ import annotations

import dataclasses
import itertools
import math
import statistics
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from musqa_pipeline.core.files import explained
from musqa_pipeline.core.seeds import derive_seed
from musqa_pipeline.learning import torchvision_ops  # noqa: F401 - must precede lightning
from musqa_pipeline.learning.device import device_name, find_device
from musqa_pipeline.learning.entry import InputSpec
from musqa_pipeline.learning.networks.backbone import N_OUTPUTS, FrozenStemNetwork
from musqa_pipeline.learning.training import checkpoint as files
from musqa_pipeline.learning.training.batches import OutputBatches, ShardBatches
from musqa_pipeline.learning.training.callbacks import BatchSeeds, EpochClock, WeightAverage
from musqa_pipeline.learning.training.checkpoint import VALIDATION, History
from musqa_pipeline.learning.training.environment import (
    describe_environment,
    steady_torch,
    usable_threads,
)
from musqa_pipeline.learning.training.learner import make_learner
from musqa_pipeline.learning.training.loop import Task, WholeCheckpoints, run_loop
from musqa_pipeline.learning.training.ranks import Rank
from musqa_pipeline.learning.training.schedule import is_over, kept_epoch, learning_rate
from musqa_pipeline.learning.training.speed import share_here

import lightning.pytorch as pl  # isort: skip

Metrics = Mapping[str, float]


@dataclass(frozen=True)
class TrainingResult:
    """What a training came to."""

    model: str
    finished: bool
    """False if `max_minutes` ended it; such a run is no result."""
    epochs: int
    best_epoch: int
    """Epoch whose weights were kept, from 0."""
    best_validation_loss: float
    """NaN where nothing is validated."""
    parameters: int
    """Trainable parameters."""
    curves: Mapping[str, list[float]]
    """Per epoch: the learner's means, like ``loss`` and ``validation_loss``; ``learning_rate``."""
    device: str
    minutes: float
    """Time of the finished epochs, over all attempts."""
    environment: Mapping[str, Any]
    weights: Path
    """State dictionary of the best epoch."""


class Attempt(pl.Callback):
    """One attempt at a training, with its history; whom it tells, see `train`."""

    def __init__(
        self,
        task: Task,
        n_threads: int | None,
        log: Callable[[str], object],
        on_epoch: Callable[[Metrics], object] | None,
    ) -> None:
        self.task, self.tell, self.on_epoch = task, log, on_epoch
        self.name, self.entry, self.settings, self.folder = task[:4]
        self.history = History()
        self.n_threads = n_threads or max(1, usable_threads() // self.settings.devices)
        self.saved: dict[str, Any] | None = None
        decay = self.settings.weight_average_decay
        self.average = WeightAverage(decay) if decay else None

    def prepare(self, record: Mapping[str, Any]) -> None:
        """Read what an earlier attempt left, sweep up what it left half-written; write a record."""
        with explained("write", self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
            for leftover in self.folder.glob(".*.tmp"):
                leftover.unlink(missing_ok=True)
        self.read()
        if self.saved:
            self.tell(f"{self.name}: resumed after {self.history.n_epochs} epochs")
        files.write_json(self.folder / files.SETTINGS_FILE, record)
        device = find_device(self.settings.device)
        self.environment = describe_environment(self.n_threads, device, self.settings.precision)
        files.write_json(self.folder / files.ENVIRONMENT_FILE, self.environment)

    def read(self) -> None:
        """Read what an earlier attempt left, and write nothing."""
        if found := files.read_checkpoint(self.folder, self.task.identity):
            self.history, self.n_threads, self.saved = found

    def is_over(self) -> bool:
        """Whether training has reached its end, or the time that it may take.

        Looked at between epochs, so that one always ends.
        """
        limit_s = self.settings.max_minutes * 60
        out_of_time = 0 < limit_s <= sum(self.history.values.get("seconds", ()))
        return out_of_time or self.is_finished()

    def is_finished(self) -> bool:
        """Whether training has reached its end."""
        history = self.history
        return history.is_settled or is_over(history.judged, self.settings, history.correlations)

    def resume_or_start(self, rank: Rank) -> None:
        """Train from the last finished epoch to the end."""
        self.clock = EpochClock(validates=self.task.validation_batches is not None)
        callbacks = [BatchSeeds(self.settings.seed), self.average, self.clock, self]
        with steady_torch(self.n_threads):
            torch.manual_seed(derive_seed("models.weights", self.settings.seed, self.name))
            learner = make_learner(self.entry, self.settings)
            checkpoints, self.saved = WholeCheckpoints(self.saved), None  # 185 MB for table III
            task = self.task
            if isinstance(learner.network, FrozenStemNetwork):
                task = self.on_outputs(learner.network)
            run_loop(task, learner, list(filter(None, callbacks)), checkpoints, rank)

    def on_outputs(self, network: FrozenStemNetwork) -> Task:
        """Let stored images be looked at once: what comes after a frozen stem learns from outputs.

        Any other batches stay as they are.
        """
        n_seen = itertools.count(1)

        def compute(images: Tensor) -> Tensor:
            outputs = network.outputs(images.to(network.stem.weight.device)).cpu()
            if (n := next(n_seen)) % 8 == 0:
                self.tell(f"{self.name}: the frozen part has seen {n} batches")
            return outputs

        training, validation = self.task.train_batches, self.task.validation_batches
        if not (isinstance(training, ShardBatches) and isinstance(validation, ShardBatches)):
            return self.task
        return self.task._replace(
            entry=dataclasses.replace(self.entry, input=InputSpec(1, N_OUTPUTS)),
            train_batches=OutputBatches(training, compute),
            validation_batches=OutputBatches(validation, compute),
        )

    def on_fit_start(self, trainer: pl.Trainer, pl_module: Any) -> None:
        """Keep the outputs of a frozen stem, now that it has its weights."""
        if isinstance(pl_module.network, FrozenStemNetwork):
            pl_module.network.cache_in(self.task.outputs_folder, writable=trainer.is_global_zero)

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: Any) -> None:
        """Set the learning rate."""
        pl_module.set_learning_rate(learning_rate(self.history.judged, self.settings))

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: Any) -> None:
        """Store the epoch and say whether it was the last; validation has run by now."""
        times = self.clock.take_times(trainer, pl_module.device)
        rate = trainer.optimizers[0].param_groups[0]["lr"]
        self.history.add({**pl_module.take_means(), "learning_rate": rate, **times})
        last, best = self.history.n_epochs - 1, kept_epoch(self.history.judged, self.settings)
        if best == last and trainer.is_global_zero:
            network = self.average.network if self.average else pl_module.network
            files.write_weights(files.best_weights_file(self.folder, best), network.state_dict())
        trainer.save_checkpoint(self.folder / files.CHECKPOINT_FILE)
        if trainer.is_global_zero:
            files.keep_only_best(self.folder, best)
            files.write_json(self.folder / files.CURVES_FILE, self.history.curves())
            self.report(last, best)
        trainer.should_stop = trainer.strategy.broadcast(self.is_over())

    def on_save_checkpoint(
        self, trainer: pl.Trainer, pl_module: Any, checkpoint: dict[str, Any]
    ) -> None:
        """Add what Lightning does not know."""
        files.complete(checkpoint, self.task.identity, self.n_threads, self.history)

    def report(self, last: int, best: int) -> None:
        """Tell log and caller about a finished epoch."""
        now = {name: values[-1] for name, values in self.history.values.items()}
        means = {k: v for k, v in now.items() if k not in {"learning_rate", *files.SPEEDS}}
        numbers = {"epoch": last, **now, "best_epoch": best}
        said = {name: f"{name.replace('_', ' ')} {mean:.5f}" for name, mean in means.items()}
        if VALIDATION in means:
            numbers["best_validation_loss"] = lowest = self.history.judged[best]
            said[VALIDATION] += f" (best {lowest:.5f} in epoch {best + 1})"
        if not self.entry.learner and self.entry.error == "square":
            squares = {k: v for k, v in means.items() if k.endswith("loss")}
            numbers |= {k.replace("loss", "rmse"): math.sqrt(v) for k, v in squares.items()}
        share = share_here(self.entry, self.settings, now["images_per_s"])
        if share is not None:
            numbers["share_of_peak"] = share
        self.tell(
            f"{self.name}: epoch {last + 1} of at most {self.settings.max_epochs}, "
            f"{', '.join(said.values())}, learning rate {now['learning_rate']:g}, "
            f"{now['seconds']:.1f} s, {now['images_per_s']:.3g} images/s"
        )
        if self.on_epoch:
            self.on_epoch(numbers)

    def speed(self) -> dict[str, float | str]:
        """Return the median speed of the epochs, and its share of the card's peak."""
        speeds = self.history.values.get("images_per_s")
        if not speeds:  # trained before speeds were kept
            return {}
        images_per_s = statistics.median(speeds)
        share = share_here(self.entry, self.settings, images_per_s)
        known = "unknown" if share is None else share
        return {"images_per_s": images_per_s, "share_of_peak": known}

    def result(self) -> TrainingResult:
        """Settle the weights and sum up."""
        history = self.history
        best = kept_epoch(history.judged, self.settings)
        weights = files.settle_weights(self.folder, best)
        finished = self.is_finished()
        if not finished:
            self.tell(
                f"{self.name}: ended by max_minutes={self.settings.max_minutes:g} after "
                f"{history.n_epochs} epochs; marked unfinished, no result"
            )
        with torch.device("meta"):
            network = self.entry.build(self.settings)
        return TrainingResult(
            model=self.name,
            finished=finished,
            epochs=history.n_epochs,
            best_epoch=best,
            best_validation_loss=history.values.get(VALIDATION, {best: math.nan})[best],
            parameters=sum(p.numel() for p in network.parameters() if p.requires_grad),
            curves=history.curves(),
            device=device_name(find_device(self.settings.device)),
            minutes=sum(history.values["seconds"]) / 60,
            environment={**self.environment, **self.speed()},
            weights=weights,
        )
