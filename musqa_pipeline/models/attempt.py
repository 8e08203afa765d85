"""One attempt at a training: what is read before it, stored after each epoch, and said of it."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from musqa_pipeline.disk import explained
from musqa_pipeline.models import checkpoint as files
from musqa_pipeline.models.backbone import FrozenStemNetwork
from musqa_pipeline.models.batches import TrainBatches, ValidationBatches
from musqa_pipeline.models.checkpoint import Checkpoint, History
from musqa_pipeline.models.environment import (
    describe_environment,
    device_name,
    steady_torch,
    usable_threads,
)
from musqa_pipeline.models.loop import EpochSums, Loop, run_loop
from musqa_pipeline.models.ranks import Rank
from musqa_pipeline.models.registry import ModelEntry
from musqa_pipeline.models.schedule import is_over, kept_epoch, learning_rate
from musqa_pipeline.models.settings import ModelsSettings
from musqa_pipeline.models.speed import share_here
from musqa_pipeline.seeds import derive_seed

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
    parameters: int
    """Trainable parameters."""
    curves: Mapping[str, list[float]]
    """``loss``, ``validation_loss`` and ``learning_rate`` per epoch."""
    device: str
    minutes: float
    """Time of the finished epochs, over all attempts."""
    environment: Mapping[str, Any]
    weights: Path
    """State dictionary of the best epoch."""


class Attempt:
    """One attempt at a training, with its folder and its history.

    Parameters
    ----------
    name : str
        Name of the network.
    entry : ModelEntry
        How to build it.
    settings : ModelsSettings
        The recipe.
    folder : Path
        Folder of the run; rank 0 alone writes to it.
    n_threads : int or None
        Threads for torch.
    log, on_epoch : callable
        Who is told, see `musqa_pipeline.models.training.train`.
    """

    def __init__(
        self,
        name: str,
        entry: ModelEntry,
        settings: ModelsSettings,
        folder: Path,
        n_threads: int | None,
        log: Callable[[str], object],
        on_epoch: Callable[[Metrics], object] | None,
    ) -> None:
        self.name, self.entry, self.settings, self.folder = name, entry, settings, folder
        self.log, self.on_epoch = log, on_epoch
        self.identity: dict[str, Any] = {}
        self.history = History()
        self.n_threads = n_threads or max(1, usable_threads() // settings.devices)
        self.saved: Checkpoint | None = None
        self.rank = Rank()

    def prepare(self, data_fingerprint: str) -> None:
        """Read what an earlier attempt left, sweep up what it left half-written."""
        with explained("write", self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
            for leftover in self.folder.glob(".*.tmp"):
                leftover.unlink()
        self.read(data_fingerprint)
        if self.saved:
            self.log(f"{self.name}: resumed after {self.history.n_epochs} epochs")
        settings = asdict(self.settings)
        files.write_json(
            self.folder / files.SETTINGS_FILE,
            {"model": self.name, "data_fingerprint": data_fingerprint, "settings": settings},
        )
        self.environment = describe_environment(self.n_threads)
        files.write_json(self.folder / files.ENVIRONMENT_FILE, self.environment)

    def read(self, data_fingerprint: str) -> None:
        """Read what an earlier attempt left, and write nothing."""
        # How long a training may take is not what it is.
        recipe = {k: v for k, v in self.settings.recipe().items() if k != "max_minutes"}
        self.identity = {"model": self.name, "data": data_fingerprint, **recipe}
        self.saved = files.read_checkpoint(self.folder, self.identity)
        if self.saved:
            self.history, self.n_threads = self.saved.history, self.saved.n_threads

    def is_over(self) -> bool:
        """Whether training has reached its end, or the time that it may take."""
        return is_over(self.history.validation_losses, self.settings) or self.out_of_time()

    def out_of_time(self) -> bool:
        """Whether `max_minutes` are used up; looked at between epochs, so that one always ends."""
        limit_s = self.settings.max_minutes * 60
        return 0 < limit_s <= sum(self.history.seconds)

    def resume_or_start(
        self,
        train_batches: TrainBatches,
        validation_batches: ValidationBatches,
        rank: Rank,
    ) -> None:
        """Train from the last finished epoch to the end."""
        self.rank = rank
        with steady_torch(self.n_threads):
            torch.manual_seed(derive_seed("models.weights", self.settings.seed, self.name))
            network = self.entry.build(self.settings)
            if self.saved:
                network.load_state_dict(self.saved.network)
            loop = Loop(
                network,
                self.settings,
                first_epoch=self.history.n_epochs,
                saved=self.saved,
                learning_rate=lambda: learning_rate(self.history.validation_losses, self.settings),
                on_epoch_end=self.end_epoch,
                loss=self.entry.loss,
                rank=rank,
            )
            if isinstance(network, FrozenStemNetwork):
                network.cache_in(self.folder, writable=rank.leads)
            self.saved = None  # frees 185 MB for table III
            run_loop(
                loop,
                spec=self.entry.input,
                train_batches=train_batches,
                validation_batches=validation_batches,
                n_epochs=self.settings.max_epochs - self.history.n_epochs,
                folder=self.folder,
            )

    def end_epoch(self, loop: Loop, epoch: EpochSums) -> bool:
        """Store a finished epoch and say whether it was the last; rank 0's word counts."""
        history = self.history
        history.learning_rates.append(learning_rate(history.validation_losses, self.settings))
        history.losses.append(epoch.loss)
        history.validation_losses.append(epoch.validation_loss)
        history.seconds.append(epoch.seconds)
        history.images_per_s.append(epoch.images_per_s)
        if not self.rank.leads:
            return False
        last, best = history.n_epochs - 1, kept_epoch(history.validation_losses, self.settings)
        if best == last:
            files.write_weights(files.best_weights_file(self.folder, best), loop.used_weights())
        files.write_checkpoint(
            self.folder,
            loop.checkpoint(identity=self.identity, n_threads=self.n_threads, history=history),
        )
        files.keep_only_best(self.folder, best)
        files.write_json(self.folder / files.CURVES_FILE, history.curves())
        self.report(last, best)
        return self.is_over()

    def report(self, last: int, best: int) -> None:
        """Tell log and caller about a finished epoch."""
        history = self.history
        loss, validation_loss = history.losses[last], history.validation_losses[last]
        self.log(
            f"{self.name}: epoch {last + 1} of at most {self.settings.max_epochs}, loss "
            f"{loss:.5f}, validation loss {validation_loss:.5f} (best "
            f"{history.validation_losses[best]:.5f} in epoch {best + 1}), learning rate "
            f"{history.learning_rates[last]:g}, {history.seconds[last]:.1f} s, "
            f"{history.images_per_s[-1]:.3g} images/s"
        )
        if self.on_epoch:
            share = share_here(self.entry, self.settings, history.images_per_s[-1])
            self.on_epoch(
                {
                    "epoch": last,
                    "loss": loss,
                    "validation_loss": validation_loss,
                    "rmse": math.sqrt(loss),
                    "validation_rmse": math.sqrt(validation_loss),
                    "learning_rate": history.learning_rates[last],
                    "seconds": history.seconds[last],
                    "images_per_s": history.images_per_s[-1],
                    **({} if share is None else {"share_of_peak": share}),
                    "best_epoch": best,
                    "best_validation_loss": history.validation_losses[best],
                }
            )

    def speed(self) -> dict[str, float | str]:
        """Return the median speed of the epochs, and its share of the card's peak."""
        if not self.history.images_per_s:  # trained before speeds were kept
            return {}
        images_per_s = statistics.median(self.history.images_per_s)
        share = share_here(self.entry, self.settings, images_per_s)
        known = "unknown" if share is None else share
        return {"images_per_s": images_per_s, "share_of_peak": known}

    def result(self) -> TrainingResult:
        """Settle the weights and sum up."""
        history = self.history
        best = kept_epoch(history.validation_losses, self.settings)
        weights = files.settle_weights(self.folder, best)
        finished = is_over(history.validation_losses, self.settings)
        if not finished:
            self.log(
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
            best_validation_loss=history.validation_losses[best],
            parameters=sum(p.numel() for p in network.parameters() if p.requires_grad),
            curves=history.curves(),
            device=device_name(),
            minutes=sum(history.seconds) / 60,
            environment={**self.environment, **self.speed()},
            weights=weights,
        )
