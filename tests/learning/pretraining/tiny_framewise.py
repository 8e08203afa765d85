"""The three pre-trainings of NISQA's convolutions, in seconds and on made-up images."""

from __future__ import annotations

import os
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np

from musqa_pipeline.learning.entry import TrainingSettings
from musqa_pipeline.learning.pretraining.dcec_train import train_dcec
from musqa_pipeline.learning.pretraining.degradation_classifier import train_degradation_classifier
from musqa_pipeline.learning.pretraining.framewise_autoencoder import (
    FramewiseLearner,
    train_framewise_autoencoder,
)
from musqa_pipeline.learning.pretraining.framewise_recipe import (
    AUTOENCODER_RECIPES,
    CLASSIFIER_RECIPES,
    DCEC_RECIPES,
)
from musqa_pipeline.learning.pretraining.framewise_run import AUTOENCODER, CLASSIFIER, DCEC, NAMES
from musqa_pipeline.learning.training.attempt import TrainingResult

WINDOWS = {"piece_hop_frames": 15, "window_frames": 60, "window_hop_frames": 30}
TINY = {
    AUTOENCODER: replace(AUTOENCODER_RECIPES["small"], **WINDOWS, max_epochs=4),
    DCEC: replace(
        DCEC_RECIPES["small"], **WINDOWS, n_clusters=3, checkpoint_updates=2, renewal_updates=6,
        settled_fraction=0.0, max_updates=12,
    ),
    CLASSIFIER: replace(
        CLASSIFIER_RECIPES["small"], piece_hop_frames=15, batch_size=4, max_epochs=4,
        validation_fraction=0.3,
    ),
}  # fmt: skip
QUIET = {"log": lambda line: None, "n_threads": 1}


def textures(n_frames: int, *kinds: int, seed: int = 0) -> list[np.ndarray]:
    """Return an image for each kind, 0 to 2: a third of the bands is bright, the others dark."""
    rng = np.random.default_rng(seed)
    level_kb = np.where(np.arange(48) // 16 == np.arange(3)[:, None], 200, 40)
    images = [rng.normal(level_kb[kind], 25, (n_frames, 48)) for kind in kinds]
    return [np.clip(image, 0, 255).astype(np.uint8) for image in images]


def train_tiny(
    name: str, folder: Path, recipe=None, training=None, *, autoencoder=None, **others
) -> TrainingResult:
    """Train in a folder of that name; clusters go on from `autoencoder`, or the one beside."""
    material = {"images": textures(100, 0, 1, 2) + textures(75, 1), "data_fingerprint": "tiny"}
    if name == DCEC:
        material["autoencoder_folder"] = autoencoder or folder / AUTOENCODER
    if name == CLASSIFIER:
        material["images"] = np.stack(textures(60, *[0, 1, 2] * 4))
        material |= {"classes": np.arange(12) % 3, "groups": np.arange(12) // 3}
    trains = (train_framewise_autoencoder, train_dcec, train_degradation_classifier)
    return dict(zip(NAMES, trains, strict=True))[name](
        recipe or TINY[name], training=training or TrainingSettings(), folder=folder / name,
        **(material | QUIET | others),
    )  # fmt: skip


def hang_between_updates(folder: Path, autoencoder: Path) -> None:
    """Wait to be killed within three trainings at once, each in its third epoch."""
    left = list(NAMES)

    def on_train_batch_start(self, batch, batch_idx):
        if (self.current_epoch, batch_idx) == (2, 1):
            begin_next()

    def begin_next():
        if left:
            train_tiny(left.pop(0), folder, autoencoder=autoencoder)
        print("middle", flush=True)
        time.sleep(60)
        os._exit(3)

    FramewiseLearner.on_train_batch_start = on_train_batch_start
    begin_next()


if __name__ == "__main__":
    hang_between_updates(Path(sys.argv[1]), Path(sys.argv[2]))
