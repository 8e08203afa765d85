"""Whether a GAN whose training is killed ends as one that nobody disturbed.

``difference(recipe, tracks, folder)`` trains a recipe for a few steps three times: at one go,
killed between two steps, and killed while a checkpoint is half written. The killed ones go on from
where they were. Called as a script it is the training that is killed.
"""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import torch

from musqa_pipeline.learning.entry import TrainingSettings
from musqa_pipeline.learning.gan.recipe import GanRecipe
from musqa_pipeline.learning.gan.tracks import Tracks
from musqa_pipeline.learning.gan.train import train_gan
from musqa_pipeline.learning.training.checkpoint import WEIGHTS_FILE, read_weights

N_STEPS = 2
BEFORE_KILL_S = 600
PLACES = ("step", "checkpoint")
"""Where a training is killed."""
_REACHED = "reached"


def difference(recipe: GanRecipe, tracks: Tracks, folder: Path) -> float:
    """Return the largest absolute difference of any weight from those of a training undisturbed."""
    short = dataclasses.replace(
        recipe, steps=N_STEPS, checkpoint_steps=1, described_images=2, kept_checkpoints=1
    )
    whole = _trained(short, tracks, folder / "whole")
    largest = 0.0
    for place in PLACES:
        _kill(short, tracks, folder / place, place)
        for name, tensor in _trained(short, tracks, folder / place).items():
            apart = (tensor.double() - whole[name].double()).abs().max()
            largest = max(largest, float(apart))
    return largest


def _trained(recipe: GanRecipe, tracks: Tracks, folder: Path) -> dict[str, torch.Tensor]:
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


def _kill(recipe: GanRecipe, tracks: Tracks, folder: Path, place: str) -> None:
    """Train in a process of its own, and kill it where it has come."""
    about = json.dumps([dataclasses.asdict(recipe), [str(path) for path in tracks.paths]])
    command = [sys.executable, __file__, str(folder), place, about]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        came = any(line.strip() == _REACHED for line in process.stdout)
        process.kill()
    if not came:
        raise SystemExit(f"error: the training ended before it could be killed at the {place}")


def hang() -> None:
    """Wait to be killed."""
    print(_REACHED, flush=True)
    time.sleep(BEFORE_KILL_S)
    os._exit(3)


def hang_after_a_step() -> None:
    """Have a training wait after the first step of its second checkpoint's discriminator."""
    from musqa_pipeline.learning.gan.learner import AdversarialLearner

    step = AdversarialLearner.training_step

    def stepped(self: AdversarialLearner, batch: object, batch_idx: int) -> None:
        step(self, batch, batch_idx)
        if (self.current_epoch, batch_idx) == (1, 0):
            hang()

    AdversarialLearner.training_step = stepped


def hang_inside_a_checkpoint() -> None:
    """Have a training wait when half of its second checkpoint is written."""
    from musqa_pipeline.learning.training import loop

    write: Callable = loop.write_tensors

    def half_written(path: Path, value: dict) -> None:
        if len(value["musqa"]["history"]["score_real"]) > 1:
            path.with_name(f".{path.name}.half.tmp").write_bytes(b"half")
            hang()
        write(path, value)

    loop.write_tensors = half_written


if __name__ == "__main__":
    into, where, what = sys.argv[1:]
    of_recipe, paths = json.loads(what)
    {"step": hang_after_a_step, "checkpoint": hang_inside_a_checkpoint}[where]()
    told = GanRecipe(**of_recipe)
    _trained(told, Tracks([Path(path) for path in paths], told.images), Path(into))
