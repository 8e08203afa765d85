"""A tiny network and tiny images, so that a whole training takes a second."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch
from torch import nn

from musqa_pipeline.core.seeds import derive_generator
from musqa_pipeline.learning.entry import InputSpec, ModelEntry, TrainingSettings
from musqa_pipeline.learning.registry import MODELS
from musqa_pipeline.learning.training.train import TrainingResult, train
from tests.learning.killed import hang

SPEC = InputSpec(n_frames=8, n_bands=6)
N_TRAIN, N_VALIDATION = 30, 9
BATCH_SIZE = 8  # the last batch of an epoch has 6
SETTINGS = TrainingSettings(
    learning_rate=0.01,
    learning_rate_patience_epochs=1,
    max_epochs=8,
)


class Tiny(nn.Module):
    """Dropout is strong, so that a training that reseeds it wrongly goes elsewhere."""

    def __init__(self, spec: InputSpec = SPEC) -> None:
        super().__init__()
        self.hidden = nn.Linear(spec.n_frames * spec.n_bands, 12)
        self.dropout = nn.Dropout(0.3)
        self.out = nn.Linear(12, 1)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.out(self.dropout(torch.relu(self.hidden(images.flatten(1))))).squeeze(1)


def build_tiny(settings: TrainingSettings) -> nn.Module:
    return Tiny()


ENTRY = ModelEntry("a tiny network", build_tiny, SPEC)


def build_plain(settings: TrainingSettings) -> nn.Module:
    """Without chance, so that sharing a batch among processes changes rounding alone."""
    network = Tiny()
    network.dropout.p = 0.0
    return network


PLAIN = ModelEntry("a tiny network without dropout", build_plain, SPEC)


def make_images(n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Images whose quality is the level of their upper half, and noise."""
    generator = np.random.default_rng(seed)
    images = generator.random((n, SPEC.n_frames, SPEC.n_bands), dtype=np.float32)
    quality = 3 * images[:, :, 3:].mean((1, 2)) - 1 + generator.normal(0, 0.02, n)
    return images, quality.astype(np.float32)


def train_batches(epoch: int, n: int = N_TRAIN) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    images, quality = make_images(n, 1)
    order = derive_generator("tests.tiny", epoch).permutation(n)
    for first in range(0, n, BATCH_SIZE):
        chosen = order[first : first + BATCH_SIZE]
        yield images[chosen], quality[chosen]


def validation_batches() -> Iterator[tuple[np.ndarray, np.ndarray]]:
    images, quality = make_images(N_VALIDATION, 2)
    yield images[:7], quality[:7]
    yield images[7:], quality[7:]


def train_tiny(folder: Path, settings: TrainingSettings = SETTINGS, **changes) -> TrainingResult:
    arguments = {
        "train_batches": train_batches,
        "validation_batches": validation_batches,
        "log": lambda line: None,
        **changes,
    }
    return train("tiny", entry=ENTRY, settings=settings, folder=folder, **arguments)


def hang_in(epoch: int, batch: int) -> Callable[[int], Iterator[tuple[np.ndarray, np.ndarray]]]:
    """Hang when that batch is asked for."""

    def batches(now: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        for index, pair in enumerate(train_batches(now)):
            if (now, index) == (epoch, batch):
                hang()
            yield pair

    return batches


if __name__ == "__main__":
    MODELS["tiny"] = ENTRY
    train_tiny(Path(sys.argv[1]), train_batches=hang_in(epoch=3, batch=2), log=print)
