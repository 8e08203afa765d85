"""Whether an autoencoder whose training is killed ends as one that nobody disturbed.

``difference(recipe, folder)`` trains a recipe for a few steps (`killed_training`). Called as a
script it is the training that is killed.
"""

from __future__ import annotations

import dataclasses
import json
import sys
from functools import partial
from pathlib import Path

from killed_training import Weights, hang_at, largest_difference

from musqa_pipeline.learning.autoencoders.recipe import AutoencoderRecipe
from musqa_pipeline.learning.autoencoders.train import train_autoencoder
from musqa_pipeline.learning.entry import TrainingSettings
from musqa_pipeline.learning.training.checkpoint import WEIGHTS_FILE, read_weights

N_STEPS, CHECKPOINT_STEPS = 8, 2


def difference(recipe: AutoencoderRecipe, folder: Path) -> float:
    """Return the largest absolute difference of any weight from those of a training undisturbed."""
    short = dataclasses.replace(
        recipe, steps=N_STEPS, checkpoint_steps=CHECKPOINT_STEPS, kept_checkpoints=1
    )
    about = json.dumps(dataclasses.asdict(short))
    return largest_difference(partial(_trained, short), __file__, about, folder)


def _trained(recipe: AutoencoderRecipe, folder: Path) -> Weights:
    train_autoencoder(
        recipe, training=TrainingSettings(device="cpu"), folder=folder, log=lambda line: None
    )
    return read_weights(folder / WEIGHTS_FILE)


if __name__ == "__main__":
    from musqa_pipeline.learning.autoencoders.learner import ReconstructionLearner

    into, where, what = sys.argv[1:]
    hang_at(where, ReconstructionLearner, "loss")
    _trained(AutoencoderRecipe(**json.loads(what)), Path(into))
