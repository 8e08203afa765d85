"""A wav2vec 2.0 that pre-trains in seconds, on noise."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np

from musqa_pipeline.learning.entry import TrainingSettings
from musqa_pipeline.learning.pretraining.learner import ContrastiveLearner
from musqa_pipeline.learning.pretraining.recipe import SMALL, Wav2Vec2Architecture
from musqa_pipeline.learning.pretraining.train import train_wav2vec2
from musqa_pipeline.learning.training.attempt import TrainingResult
from tests.learning.killed import hang

ARCHITECTURE = Wav2Vec2Architecture(
    conv_dim=(8, 12), conv_kernel=(20, 8), conv_stride=(10, 4), hidden_size=16,
    num_hidden_layers=2, num_attention_heads=2, intermediate_size=24, num_conv_pos_embeddings=8,
    num_conv_pos_embedding_groups=4, num_codevectors_per_group=5, codevector_dim=6,
    proj_codevector_dim=7, layerdrop=0.3,
)  # fmt: skip
TINY = replace(
    SMALL, architecture=ARCHITECTURE, crop_samples=1_600, batch_size=3, updates=6,
    checkpoint_updates=2, warmup_updates=2, mask_frames=4, negatives=9, kept_checkpoints=2,
)  # fmt: skip


def made_up_streams(*lengths: int) -> list[np.ndarray]:
    """Return noise of other loudness from stream to stream."""
    rng = np.random.default_rng(3)
    return [rng.normal(0, 300 * (i + 1), n).astype(np.int16) for i, n in enumerate(lengths)]


def train_tiny(folder: Path, recipe=TINY, training=None, **others) -> TrainingResult:
    """Train in the folder's ``run``, from memory-mapped streams."""
    folder.mkdir(exist_ok=True)
    streams = []
    for number, stream in enumerate(made_up_streams(5_000, 900, 3_000)):
        path = folder / f"{number}.npy"
        np.save(path, stream)
        streams.append(np.load(path, mmap_mode="r"))
    return train_wav2vec2(
        recipe, streams=streams, training=training or TrainingSettings(), folder=folder / "run",
        **({"log": lambda line: None, "n_threads": 1} | others),
    )  # fmt: skip


def hang_between_updates(folder: Path) -> None:
    """Wait to be killed in the third checkpoint, after its first update."""
    step = ContrastiveLearner.training_step

    def stepped(self, batch, batch_idx):
        step(self, batch, batch_idx)
        if (self.current_epoch, batch_idx) == (2, 0):
            hang()

    ContrastiveLearner.training_step = stepped
    train_tiny(folder)


if __name__ == "__main__":
    hang_between_updates(Path(sys.argv[1]))
