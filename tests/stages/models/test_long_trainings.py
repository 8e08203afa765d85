"""Trainings in processes of their own: held to the time of an epoch and not to that of a unit."""

from __future__ import annotations

import os
import threading
import time

import pytest
import torch

from musqa_pipeline.core.errors import SettingsError, StageError
from musqa_pipeline.core.workers.interface import Limits, epoch_limit_s
from musqa_pipeline.core.workers.local import LocalPool
from musqa_pipeline.learning.training.checkpoint import read_weights
from musqa_pipeline.stages.engine.stage import run_stage
from musqa_pipeline.stages.models.recipes import recipe_of
from musqa_pipeline.stages.models.stage import run_folder
from musqa_pipeline.stages.models.training import device_alone
from tests.stages.models.slow_training import slow_models
from tests.stages.models.tiny_lake import tiny_context

SHORT_UNITS = LocalPool(1, Limits(time_s=1.0))


def weights_of(context):
    return read_weights(run_folder(context, "tiny") / "weights.pt")


@pytest.fixture
def undisturbed(tmp_path):
    context = tiny_context(tmp_path / "undisturbed")
    run_stage(slow_models(0.0, tmp_path / "other_notes"), context)
    return weights_of(context)


def test_an_epoch_may_outlast_the_time_of_a_unit(context, tmp_path, undisturbed):
    epochs, lines = [], []
    run_stage(
        slow_models(0.5, tmp_path / "notes"), context, fanout=SHORT_UNITS,
        log=lines.append, on_numbers=lambda unit, numbers: epochs.append((unit.what, numbers)),
    )  # fmt: skip
    assert [(what, numbers["epoch"]) for what, numbers in epochs] == [
        ("network tiny", n) for n in range(3)
    ]
    assert all(numbers["seconds"] > 1.0 for _, numbers in epochs)
    assert sum(line.startswith("tiny: epoch") for line in lines) == 3
    ((child, parent),) = [map(int, line.split()) for line in (tmp_path / "notes").open()]
    assert (child != os.getpid(), parent) == (True, os.getpid())
    assert all(torch.equal(tensor, undisturbed[n]) for n, tensor in weights_of(context).items())


def test_a_training_without_the_end_of_an_epoch_is_given_up_and_goes_on_later(
    context, tmp_path, monkeypatch, undisturbed
):
    monkeypatch.setenv("MUSQA_EPOCH_TIMEOUT_S", "4")
    slow, notes = slow_models(0.3, tmp_path / "notes"), []
    with pytest.raises(
        StageError,
        match=r"network tiny: gave no sign of life for 4 s and was given up; see what it hangs on, "
        "or raise MUSQA_EPOCH_TIMEOUT_S",
    ):
        run_stage(slow_models(3.0, tmp_path / "notes"), context, fanout=SHORT_UNITS)
    run_stage(
        slow, context, fanout=SHORT_UNITS, on_numbers=lambda _, found: notes.append(found["epoch"])
    )
    assert notes == [0, 1, 2]
    assert all(torch.equal(tensor, undisturbed[n]) for n, tensor in weights_of(context).items())


def test_who_waits_for_the_device_is_not_late(context, tmp_path):
    recipe = recipe_of("tiny", context.preset.models)
    waiting = threading.Thread(
        target=run_stage,
        args=(slow_models(0.0, tmp_path / "notes"), context),
        kwargs={"fanout": SHORT_UNITS},
    )
    with device_alone(context, recipe):
        waiting.start()
        while not (tmp_path / "notes").exists():
            time.sleep(0.05)
        time.sleep(2.5)  # longer than a unit may take
        assert not (run_folder(context, "tiny") / "settings.json").exists()
    waiting.join(timeout=60)
    assert (run_folder(context, "tiny") / "weights.pt").exists()


@pytest.mark.parametrize("value", ["soon", "0", "nan"])
def test_the_limit_of_an_epoch_is_a_positive_number(monkeypatch, value):
    assert epoch_limit_s() == 6 * 3600
    monkeypatch.setenv("MUSQA_EPOCH_TIMEOUT_S", value)
    with pytest.raises(SettingsError, match=f"MUSQA_EPOCH_TIMEOUT_S='{value}': expected a positi"):
        epoch_limit_s()
