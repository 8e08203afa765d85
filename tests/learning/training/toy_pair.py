"""A toy adversarial pair: two modules, two optimizers, classes, no validation."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

from musqa_pipeline.learning.entry import InputSpec, ModelEntry, TrainingSettings
from musqa_pipeline.learning.training.learner import Learner
from musqa_pipeline.learning.training.train import TrainingResult, train
from tests.learning import tiny
from tests.learning.killed import hang

N_CLASSES = 3
SETTINGS = replace(tiny.SETTINGS, max_epochs=5)


class Discriminator(nn.Module):
    """Its power iteration keeps vectors between steps, and its dropout draws in each."""

    def __init__(self) -> None:
        super().__init__()
        self.hidden = spectral_norm(nn.Linear(48, 12))
        self.dropout = nn.Dropout(0.3)
        self.of_class = nn.Embedding(N_CLASSES, 12)

    def forward(self, images: Tensor, classes: Tensor) -> Tensor:
        heard = self.dropout(torch.relu(self.hidden(images.flatten(1))))
        return (heard * (1 + self.of_class(classes))).sum(1)


def build_pair(settings: TrainingSettings) -> nn.Module:
    generator = nn.Sequential(nn.Linear(4 + N_CLASSES, 16), nn.BatchNorm1d(16), nn.Linear(16, 48))
    return nn.ModuleDict({"generator": generator, "discriminator": Discriminator()})


class Adversarial(Learner):
    """Hinge losses; the generator moves in every second batch."""

    def __init__(self, network: nn.Module, settings: TrainingSettings) -> None:
        super().__init__(network)
        self.automatic_optimization = False

    def configure_optimizers(self) -> list[torch.optim.Optimizer]:
        rates = {"generator": 1e-2, "discriminator": 2e-2}
        return [
            torch.optim.Adam(self.network[name].parameters(), lr=rate, betas=(0.0, 0.999))
            for name, rate in rates.items()
        ]

    def training_step(self, batch, batch_idx):
        of_generator, of_discriminator = self.optimizers()
        discriminator, n = self.network["discriminator"], len(batch.inputs)
        classes = torch.randint(N_CLASSES, (n,), device=self.device)
        labels = nn.functional.one_hot(classes, N_CLASSES).float()
        noise = torch.randn(n, 4, device=self.device)
        made = self.network["generator"](torch.cat([noise, labels], dim=1))
        real, fake = (
            discriminator(batch.inputs, batch.targets),
            discriminator(made.detach(), classes),
        )
        loss = torch.relu(1 - real).mean() + torch.relu(1 + fake).mean()
        self.step(of_discriminator, loss * batch.weight)
        self.add("discriminator", loss * batch.n_own, batch.n_own)
        if batch_idx % 2:
            loss = -discriminator(made, classes).mean()
            self.step(of_generator, loss * batch.weight)
            self.add("generator", loss * batch.n_own, batch.n_own)

    def step(self, optimizer, loss):
        optimizer.zero_grad()
        self.manual_backward(loss)
        optimizer.step()


ENTRY = ModelEntry("a toy pair", build_pair, InputSpec(8, 6), learner=Adversarial)


def train_batches(epoch: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    for images, quality in tiny.train_batches(epoch):
        yield images, (quality * 100).astype(np.int64) % N_CLASSES


def train_pair(folder: Path, settings: TrainingSettings = SETTINGS, **changes) -> TrainingResult:
    arguments = {"train_batches": train_batches, "log": lambda line: None, **changes}
    return train(
        "pair", entry=ENTRY, validation_batches=None, settings=settings, folder=folder, **arguments
    )


def hanging(epoch: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Hang in the middle of the fourth epoch."""
    for index, batch in enumerate(train_batches(epoch)):
        if (epoch, index) == (3, 2):
            hang()
        yield batch


if __name__ == "__main__":
    average = {"weight_average_decay": 0.8} if sys.argv[2] == "average" else {}
    train_pair(Path(sys.argv[1]), replace(SETTINGS, **average), train_batches=hanging, log=print)
