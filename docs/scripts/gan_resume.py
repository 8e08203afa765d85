"""Whether a GAN whose training is killed ends as one that nobody disturbed.

``difference(recipe, tracks, folder)`` trains a recipe for a few steps (`killed_training`). Called
as a script it is the training that is killed.
"""

from __future__ import annotations

import dataclasses
import json
import sys
from functools import partial
from pathlib import Path

from killed_training import Weights, hang_at, largest_difference

from musqa_pipeline.learning.entry import TrainingSettings
from musqa_pipeline.learning.gan.recipe import GanRecipe
from musqa_pipeline.learning.gan.tracks import Tracks
from musqa_pipeline.learning.gan.train import train_gan
from musqa_pipeline.learning.training.checkpoint import WEIGHTS_FILE, read_weights

N_STEPS = 2


def difference(recipe: GanRecipe, tracks: Tracks, folder: Path) -> float:
    """Return the largest absolute difference of any weight from those of a training undisturbed."""
    short = dataclasses.replace(
        recipe, steps=N_STEPS, checkpoint_steps=1, described_images=2, kept_checkpoints=1
    )
    about = json.dumps([dataclasses.asdict(short), [str(path) for path in tracks.paths]])
    return largest_difference(partial(_trained, short, tracks), __file__, about, folder)


def _trained(recipe: GanRecipe, tracks: Tracks, folder: Path) -> Weights:
    train_gan(
        "killed",
        recipe,
        tracks=tracks,
        validation=None,
        training=TrainingSettings(device="cpu"),
        folder=folder,
        log=lambda line: None,
    )
    return read_weights(folder / WEIGHTS_FILE)


if __name__ == "__main__":
    from musqa_pipeline.learning.gan.learner import AdversarialLearner

    into, where, what = sys.argv[1:]
    of_recipe, paths = json.loads(what)
    hang_at(where, AdversarialLearner, "score_real")
    told = GanRecipe(**of_recipe)
    _trained(told, Tracks([Path(path) for path in paths], told.images), Path(into))
