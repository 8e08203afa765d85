"""A GAN that trains in seconds, on two genres that are made up."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

from musqa_pipeline.learning.entry import TrainingSettings
from musqa_pipeline.learning.gan.recipe import GanRecipe
from musqa_pipeline.learning.gan.train import train_gan
from musqa_pipeline.learning.training import loop
from musqa_pipeline.learning.training.attempt import TrainingResult
from tests.learning.gan.made_up_tracks import write_made_up
from tests.learning.killed import hang

TINY = GanRecipe(
    size=64, n_genres=2, g_width=1, d_width=2, batch_size=2, steps=3, checkpoint_steps=1,
    kept_checkpoints=2, described_images=8,
)  # fmt: skip


def train_tiny(folder: Path, gan: GanRecipe = TINY, training=None, **others) -> TrainingResult:
    """Train in the folder's ``run``."""
    folder.mkdir(exist_ok=True)
    tracks = write_made_up(folder / "tracks", (3, 2))
    unmet = write_made_up(folder / "unmet", (1, 1), first=50)
    return train_gan(
        "gan", gan, tracks=tracks, validation=unmet, training=training or TrainingSettings(),
        folder=folder / "run", **({"log": lambda line: None} | others),
    )  # fmt: skip


def hang_between_steps(folder: Path) -> None:
    """Be killed in the third epoch, after the discriminator's first step."""
    from musqa_pipeline.learning.gan.learner import AdversarialLearner

    step = AdversarialLearner.training_step

    def stepped(self, batch, batch_idx):
        step(self, batch, batch_idx)
        if (self.current_epoch, batch_idx) == (2, 0):
            hang()

    AdversarialLearner.training_step = stepped
    train_tiny(folder)


def hang_inside_a_checkpoint(folder: Path) -> None:
    """Be killed in the second checkpoint, when half of it is written."""

    def half_written(path, value):
        if value["musqa"]["history"]["score_real"][1:]:
            path.with_name(f".{path.name}.half.tmp").write_bytes(b"half")
            hang()
        write(path, value)

    write, loop.write_tensors = loop.write_tensors, half_written
    train_tiny(folder)


WIDER = replace(TINY, g_width=2, d_width=4, batch_size=4, kept_checkpoints=3)

if __name__ == "__main__":
    {"step": hang_between_steps, "checkpoint": hang_inside_a_checkpoint}[sys.argv[2]](
        Path(sys.argv[1])
    )
