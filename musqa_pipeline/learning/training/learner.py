"""What a training moves: modules, their optimizers, and what a step makes of a batch."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from musqa_pipeline.core.errors import SettingsError, StageError
from musqa_pipeline.learning import torchvision_ops  # noqa: F401 - must precede lightning
from musqa_pipeline.learning.entry import ModelEntry, TrainingSettings
from musqa_pipeline.learning.training.batches import Share
from musqa_pipeline.learning.training.checkpoint import CORRELATION, VALIDATION

import lightning.pytorch as pl  # isort: skip

Loss = Callable[[nn.Module, Any, Any], Tensor]
"""Of (network, `Share.inputs`, `Share.targets`): a mean over the batch."""
_SHARE = "share_of_rate"
"""Where a group of parameters says which part of the schedule's rate it has, if not all."""
ADAM_EPSILON = 1e-7
"""Keras' default, with which the paper trained; torch's own is 1e-8."""


class Learner(pl.LightningModule):
    """Modules with their optimizers, and what a step makes of a batch.

    A subclass writes Lightning's `configure_optimizers`, `training_step` and, where something is
    validated, `validation_step`; a batch is a `Share`. What it hands to `add` becomes a curve; the
    one named ``validation_loss`` decides on learning rate, stopping and best epoch; one named
    ``settled`` ends the training at its first 1. Several optimizers step by hand:
    `automatic_optimization` is False then, and `Share.weight` goes into each loss. Chance comes
    from torch's global generator, which is seeded for every batch; what else a later batch depends
    on is a parameter or a buffer, so that it is in the checkpoint.

    Parameters
    ----------
    network : nn.Module
        Whose weights are the result; of several modules an `nn.ModuleDict`.
    """

    advice = "lower [models] learning_rate"
    """What to do about a loss that is not finite."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network
        self._sums: dict[str, list[Tensor]] = {}
        self._n: dict[str, int] = {}

    def add(self, name: str, total: Tensor, n: int) -> None:
        """Take `total`, a sum over `n` examples, into the epoch's mean of that name."""
        self._sums.setdefault(name, []).append(total.detach())
        self._n[name] = self._n.get(name, 0) + n

    def take_means(self) -> dict[str, float]:
        """Return the epoch's means over all ranks, which must all call it."""
        sums = [float(torch.stack(parts).double().sum()) for parts in self._sums.values()]
        values = torch.tensor([sums, list(self._n.values())], dtype=torch.float64)
        totals = self.trainer.strategy.reduce(values.to(self.device), reduce_op="sum").tolist()
        means = {name: total / n for name, total, n in zip(self._n, *totals, strict=True)}
        self._sums, self._n = {}, {}
        if not all(map(math.isfinite, means.values())):
            found = ", ".join(f"{name.replace('_', ' ')}={mean}" for name, mean in means.items())
            raise StageError(
                f"training: {found} in epoch {self.current_epoch}, expected finite numbers; "
                f"{self.advice}"
            )
        return means

    def set_learning_rate(self, rate: float) -> None:
        """Take the schedule's rate for an epoch, unless optimizers keep rates of their own."""


class Supervised(Learner):
    """A network that answers, with one optimizer and the loss that training makes small."""

    def __init__(self, network: nn.Module, settings: TrainingSettings, loss: Loss) -> None:
        super().__init__(network)
        self.settings = settings
        self._loss = loss

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """Make Adam, or AdamW."""
        return make_optimizer(self.network, self.settings)

    def set_learning_rate(self, rate: float) -> None:
        """Let weights move at the schedule's rate, those of a body at their share of it."""
        for group in self.trainer.optimizers[0].param_groups:
            group["lr"] = rate * group.get(_SHARE, 1.0)

    def training_step(self, batch: Share, batch_idx: int) -> Tensor:
        """Return the loss of a batch; the mean over ranks is that of the whole batch."""
        loss = self._loss(self.network, batch.inputs, batch.targets)
        self.add("loss", loss.detach() * batch.n_own, batch.n_own)
        return loss * batch.weight


class QualityLearner(Supervised):
    """A network that answers with the quality of images, as its entry says and settings have it.

    Where the correlation counts, ``validation_r`` is a curve: Pearson's r over all validation
    images, from moments that ranks add up, and 0 while all answers are equal.
    """

    def __init__(self, network: nn.Module, settings: TrainingSettings, entry: ModelEntry) -> None:
        super().__init__(network, settings, loss_of(entry, settings))
        self._error = _ERRORS[entry.error]

    def validation_step(self, batch: Share, batch_idx: int) -> None:
        """Add up errors and moments of a batch."""
        assert batch.targets is not None
        answers = self.network(batch.inputs)[: batch.n_own]
        quality = batch.targets[: batch.n_own]
        apart = (answers - quality).double()
        errors = self._error(apart, torch.zeros_like(apart), reduction="sum")
        self.add(VALIDATION, errors, batch.n_own)
        if self.settings.stop_on == "loss_or_correlation":
            for name, products in _products(answers.double(), quality.double()).items():
                self.add(name, products.sum(), batch.n_own)

    def take_means(self) -> dict[str, float]:
        """Return the epoch's means, and the correlation that follows from moments."""
        means = super().take_means()
        moments = {name: means.pop(name) for name in _MOMENTS if name in means}
        if moments:
            means[CORRELATION] = _pearson(*moments.values())
        return means


_ERRORS = {"square": functional.mse_loss, "absolute": functional.l1_loss}
"""Training makes their mean small (paper 001, III.E; paper 004, 5)."""
_MOMENTS = ("answer", "quality", "answer_squared", "quality_squared", "product")


def _products(answers: Tensor, quality: Tensor) -> dict[str, Tensor]:
    """Return what the moments are means of."""
    values = (answers, quality, answers.square(), quality.square(), answers * quality)
    return dict(zip(_MOMENTS, values, strict=True))


def _pearson(x: float, y: float, xx: float, yy: float, xy: float) -> float:
    """Return Pearson's r of means of x, y, their squares and product."""
    spread = max(xx - x * x, 0.0) * max(yy - y * y, 0.0)
    return (xy - x * y) / math.sqrt(spread) if spread else 0.0


def make_optimizer(network: nn.Module, settings: TrainingSettings) -> torch.optim.Optimizer:
    """Make Adam for what needs a gradient in a network, or with `weight_decay` AdamW.

    AdamW (Loshchilov and Hutter, 2019, arXiv:1711.05101) spares vectors: biases and the scales of
    norms. With `body_learning_rate`, what the network calls its ``body`` has that rate.

    Raises SettingsError if a network that has no body shall have a rate for it.
    """
    moving = [p for p in network.parameters() if p.requires_grad]
    parts: list[tuple[list[nn.Parameter], dict[str, float]]] = [(moving, {})]
    if settings.body_learning_rate:
        body = getattr(network, "body", None)
        if not isinstance(body, nn.Module):
            raise SettingsError(
                f"[models] body_learning_rate={settings.body_learning_rate:g}: this network is not "
                "divided into a body and an output; set it to 0, or in the recipe of another"
            )
        of_body = set(body.parameters())
        rate = settings.body_learning_rate
        parts = [
            ([p for p in moving if p not in of_body], {}),
            (
                [p for p in moving if p in of_body],
                {"lr": rate, _SHARE: rate / settings.learning_rate},
            ),
        ]
    # 0.02 s instead of 0.15 s a step for table III, on two cores. A fused step undoes the loss
    # scaling of float16 itself, too late for clipping; Lightning refuses it in mixed precision.
    fused = settings.precision == "32" or not settings.gradient_clip_norm
    common: dict[str, Any] = {"lr": settings.learning_rate, "eps": ADAM_EPSILON, "fused": fused}
    if not settings.weight_decay:
        return torch.optim.Adam([{"params": part, **own} for part, own in parts], **common)
    groups = [
        {"params": params, "weight_decay": decay, **own}
        for part, own in parts
        for params, decay in (
            ([p for p in part if p.ndim > 1], settings.weight_decay),
            ([p for p in part if p.ndim <= 1], 0.0),
        )
    ]
    return torch.optim.AdamW([group for group in groups if group["params"]], **common)


def loss_of(entry: ModelEntry, settings: TrainingSettings) -> Loss:
    """Return what training makes small, with the settings that it takes."""
    if entry.loss is None:
        error = _ERRORS[entry.error]
        return lambda network, images, quality: error(network(images), quality)
    return partial(entry.loss, **{name: getattr(settings, name) for name in entry.loss_settings})


def make_learner(entry: ModelEntry, settings: TrainingSettings) -> Learner:
    """Make what is trained of a network, with fresh weights from torch's global generator."""
    network = entry.build(settings)
    if entry.learner:
        return entry.learner(network, settings)
    return QualityLearner(network, settings, entry)
