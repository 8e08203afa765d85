"""An autoencoder that trains in seconds."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from musqa_pipeline.learning.autoencoders.recipe import AutoencoderRecipe
from musqa_pipeline.learning.autoencoders.train import train_autoencoder
from musqa_pipeline.learning.entry import TrainingSettings
from musqa_pipeline.learning.training.attempt import TrainingResult
from tests.learning.killed import hang

TINY = AutoencoderRecipe(
    n_channels=3, n_latents=2, side=32, batch_size=2, steps=6, checkpoint_steps=2,
    kept_checkpoints=2,
)  # fmt: skip


def made_up_images(n=3, bands=40, frames=70):
    """Chords: bright bands that come and go."""
    rng = np.random.default_rng(8)
    bright = rng.random((n, bands, 1)) ** 3
    return (bright * (0.5 + 0.5 * np.sin(np.arange(frames) / 5))).astype(np.float32)


def train_tiny(folder: Path, recipe=TINY, training=None, **others) -> TrainingResult:
    """Train with curves of unmet images."""
    given = {"unmet": made_up_images(), "log": lambda line: None, "n_threads": 1} | others
    return train_autoencoder(
        recipe, training=training or TrainingSettings(device="cpu"), folder=folder, **given
    )


def hang_between_steps(folder: Path) -> None:
    """Be killed in the third epoch, after its first step."""
    from musqa_pipeline.learning.autoencoders.learner import ReconstructionLearner

    step = ReconstructionLearner.training_step

    def stepped(self, batch, batch_idx):
        loss = step(self, batch, batch_idx)
        if (self.current_epoch, batch_idx) == (2, 0):
            hang()
        return loss

    ReconstructionLearner.training_step = stepped
    train_tiny(folder)


if __name__ == "__main__":
    hang_between_steps(Path(sys.argv[1]))
