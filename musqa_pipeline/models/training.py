"""Train one network so that it can be killed at any moment and resumed as if nothing had happened.

The recipe is paper 001, III.E: mean square error, Adam, a learning rate that is halved when
validation loss stalls, early stopping, and the weights of the best epoch. A resumed run equals an
undisturbed one tensor for tensor on one machine's CPU; on a GPU torch has no deterministic
backward pass for pooling, and last digits may differ.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from musqa_pipeline.disk import explained
from musqa_pipeline.models import checkpoint as files
from musqa_pipeline.models.backbone import FrozenStemNetwork
from musqa_pipeline.models.checkpoint import Checkpoint, History
from musqa_pipeline.models.environment import (
    describe_environment,
    device_name,
    steady_torch,
    usable_threads,
)
from musqa_pipeline.models.loop import Loop, TrainBatches, ValidationBatches, run_loop
from musqa_pipeline.models.registry import ModelEntry, find_model
from musqa_pipeline.models.schedule import best_epoch, is_over, learning_rate
from musqa_pipeline.models.settings import ModelsSettings
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


def train(
    model_name: str,
    *,
    train_batches: TrainBatches,
    validation_batches: ValidationBatches,
    settings: ModelsSettings,
    folder: Path,
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
        Takes an epoch, gives its batches (images, quality) in an order that depends on the
        settings' seed and the epoch alone.
    validation_batches : callable
        Gives the batches that decide on learning rate, stopping and best epoch.
    settings : ModelsSettings
        The recipe.
    folder : Path
        Folder of this run: checkpoint, weights, settings, curves and environment are written here.
    data_fingerprint : str
        What the batches come from; an attempt with other data is refused.
    log : callable
        Takes a line of text per epoch.
    on_epoch : callable, optional
        Takes the numbers of each epoch that this attempt finished: ``epoch`` (from 0), ``loss``,
        ``validation_loss``, their roots ``rmse`` and ``validation_rmse`` on quality, the
        ``learning_rate``, ``seconds``, ``best_epoch`` and ``best_validation_loss``.

    n_threads : int, optional
        Threads for torch; `MUSQA_WORKERS` or all usable cores when left out.

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
    run = _Run(model_name, find_model(model_name), settings, Path(folder), log, on_epoch, n_threads)
    run.prepare(data_fingerprint)
    if not run.is_over():
        run.resume_or_start(train_batches, validation_batches)
    return run.result()


class _Run:
    """A training with its folder and its history."""

    def __init__(
        self,
        name: str,
        entry: ModelEntry,
        settings: ModelsSettings,
        folder: Path,
        log: Callable[[str], object],
        on_epoch: Callable[[Metrics], object] | None,
        n_threads: int | None,
    ) -> None:
        self.name, self.entry, self.settings, self.folder = name, entry, settings, folder
        self.log, self.on_epoch = log, on_epoch
        self.identity: dict[str, Any] = {}
        self.history = History()
        self.n_threads = n_threads or usable_threads()
        self.saved: Checkpoint | None = None

    def prepare(self, data_fingerprint: str) -> None:
        """Read what an earlier attempt left, sweep up what it left half-written."""
        settings = asdict(self.settings)
        # How long a training may take is not what it is.
        recipe = {k: v for k, v in self.settings.recipe().items() if k != "max_minutes"}
        self.identity = {"model": self.name, "data": data_fingerprint, **recipe}
        with explained("write", self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
            for leftover in self.folder.glob(".*.tmp"):
                leftover.unlink()
        self.saved = files.read_checkpoint(self.folder, self.identity)
        if self.saved:
            self.history, self.n_threads = self.saved.history, self.saved.n_threads
            self.log(f"{self.name}: resumed after {self.history.n_epochs} epochs")
        files.write_json(
            self.folder / files.SETTINGS_FILE,
            {"model": self.name, "data_fingerprint": data_fingerprint, "settings": settings},
        )
        self.environment = describe_environment(self.n_threads)
        files.write_json(self.folder / files.ENVIRONMENT_FILE, self.environment)

    def is_over(self) -> bool:
        """Whether training has reached its end, or the time that it may take."""
        return is_over(self.history.validation_losses, self.settings) or self.out_of_time()

    def out_of_time(self) -> bool:
        """Whether `max_minutes` are used up; looked at between epochs, so that one always ends."""
        limit_s = self.settings.max_minutes * 60
        return 0 < limit_s <= sum(self.history.seconds)

    def resume_or_start(
        self, train_batches: TrainBatches, validation_batches: ValidationBatches
    ) -> None:
        """Train from the last finished epoch to the end."""
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
            )
            if isinstance(network, FrozenStemNetwork):
                network.cache_in(self.folder)
            self.saved = None  # frees 185 MB for table III
            run_loop(
                loop,
                spec=self.entry.input,
                train_batches=train_batches,
                validation_batches=validation_batches,
                n_epochs=self.settings.max_epochs - self.history.n_epochs,
                folder=self.folder,
            )

    def end_epoch(self, loop: Loop, loss: float, validation_loss: float, seconds: float) -> bool:
        """Store a finished epoch and say whether it was the last."""
        history = self.history
        history.learning_rates.append(learning_rate(history.validation_losses, self.settings))
        history.losses.append(loss)
        history.validation_losses.append(validation_loss)
        history.seconds.append(seconds)
        last, best = history.n_epochs - 1, best_epoch(history.validation_losses)
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
            f"{history.learning_rates[last]:g}, {history.seconds[last]:.1f} s"
        )
        if self.on_epoch:
            self.on_epoch(
                {
                    "epoch": last,
                    "loss": loss,
                    "validation_loss": validation_loss,
                    "rmse": math.sqrt(loss),
                    "validation_rmse": math.sqrt(validation_loss),
                    "learning_rate": history.learning_rates[last],
                    "seconds": history.seconds[last],
                    "best_epoch": best,
                    "best_validation_loss": history.validation_losses[best],
                }
            )

    def result(self) -> TrainingResult:
        """Settle the weights and sum up."""
        history = self.history
        best = best_epoch(history.validation_losses)
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
            environment=self.environment,
            weights=weights,
        )
