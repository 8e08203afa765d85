"""Whether a training that is killed ends as one that nobody disturbed.

A module of its own trains: at one go, killed between two steps, and killed while a checkpoint is
half written; the killed ones go on from where they were. Called as a script, that module is the
training that is killed.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import torch

from musqa_pipeline.learning.training.learner import Learner

BEFORE_KILL_S = 600
PLACES = ("step", "checkpoint")
"""Where a training is killed."""
_REACHED = "reached"
Weights = dict[str, torch.Tensor]


def largest_difference(
    train: Callable[[Path], Weights], script: str, about: str, folder: Path
) -> float:
    """Return the largest absolute difference of any weight from those of a training undisturbed.

    `train` trains in a folder, or goes on there; ``script FOLDER PLACE ABOUT`` does the same and
    waits at a place to be killed.
    """
    whole = train(folder / "whole")
    largest = 0.0
    for place in PLACES:
        _kill(script, folder / place, place, about)
        for name, tensor in train(folder / place).items():
            apart = (tensor.double() - whole[name].double()).abs().max()
            largest = max(largest, float(apart))
    return largest


def _kill(script: str, folder: Path, place: str, about: str) -> None:
    """Train in a process of its own, and kill it where it has come."""
    command = [sys.executable, script, str(folder), place, about]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        came = any(line.strip() == _REACHED for line in process.stdout)
        process.kill()
    if not came:
        raise SystemExit(f"error: the training ended before it could be killed at the {place}")


def hang_at(place: str, learner: type[Learner], curve: str) -> None:
    """Have a training wait in its second checkpoint: after a step, or when half of it is written.

    `curve` is one of the learner's, which has a point for each checkpoint.
    """
    if place == "step":
        _hang_after_a_step(learner)
    else:
        _hang_inside_a_checkpoint(curve)


def _hang() -> None:
    print(_REACHED, flush=True)
    time.sleep(BEFORE_KILL_S)
    os._exit(3)


def _hang_after_a_step(learner: type[Learner]) -> None:
    step = learner.training_step

    def stepped(self: Learner, batch: object, batch_idx: int) -> object:
        made = step(self, batch, batch_idx)
        if (self.current_epoch, batch_idx) == (1, 0):
            _hang()
        return made

    learner.training_step = stepped


def _hang_inside_a_checkpoint(curve: str) -> None:
    from musqa_pipeline.learning.training import loop

    write: Callable = loop.write_tensors

    def half_written(path: Path, value: dict) -> None:
        if len(value["musqa"]["history"][curve]) > 1:
            path.with_name(f".{path.name}.half.tmp").write_bytes(b"half")
            _hang()
        write(path, value)

    loop.write_tensors = half_written
