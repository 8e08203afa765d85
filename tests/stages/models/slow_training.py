"""Trainings that are slow or meet on purpose, for processes that know no fixtures."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, replace
from pathlib import Path

import pyarrow as pa
import torch

from musqa_pipeline.learning.registry import MODELS
from musqa_pipeline.stages.engine.context import Context
from musqa_pipeline.stages.engine.stage import Stage, Unit
from musqa_pipeline.stages.graph import get_stage
from musqa_pipeline.stages.models.stage import make_run
from musqa_pipeline.stages.models.trials.stage import make_unit
from tests.stages.evaluation.small_lake import ENTRY
from tests.stages.models.tiny_lake import SHORT, TINY, Tiny


class SlowTiny(Tiny):
    """Sleeps with each batch that it trains on."""

    def __init__(self, batch_s: float) -> None:
        super().__init__(SHORT)
        self.batch_s = batch_s

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        if self.training:
            time.sleep(self.batch_s)
        return super().forward(images)


@dataclass(frozen=True)
class MakeSlowly:
    """Trains the tiny network, whose epoch has three batches; notes where."""

    batch_s: float
    notes: Path

    def __call__(self, context: Context, unit: Unit) -> pa.Table:
        MODELS["tiny"] = replace(TINY, build=lambda settings: SlowTiny(self.batch_s))
        with self.notes.open("a") as file:
            file.write(f"{os.getpid()} {os.getppid()}\n")
        return make_run(context, unit)


def slow_models(batch_s: float, notes: Path) -> Stage:
    """The stage `models` with a slow network."""
    return replace(get_stage("models"), make=MakeSlowly(batch_s, notes))


@dataclass(frozen=True)
class MakeTogether:
    """Makes a trial, of a network once others of networks have begun too; notes where."""

    n_together: int
    notes: Path

    def __call__(self, context: Context, unit: Unit) -> pa.Table:
        for name in context.preset.models.names:
            MODELS[name] = ENTRY
        if unit.plan["model"] in MODELS:
            with self.notes.open("a") as file:
                file.write(f"{os.getpid()} {os.getppid()}\n")
            deadline = time.monotonic() + 60
            while len(self.notes.read_text().splitlines()) < self.n_together:
                assert time.monotonic() < deadline, "no other trial of a network has begun"
                time.sleep(0.05)
        return make_unit(context, unit)


def trials_together(n_together: int, notes: Path) -> Stage:
    """The stage `trials`, whose first trials of networks wait for each other."""
    return replace(get_stage("trials"), make=MakeTogether(n_together, notes))
