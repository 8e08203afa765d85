import math

import pytest
import torch

from musqa_pipeline.learning.training.checkpoint import WEIGHTS_FILE, read_weights, write_weights
from musqa_pipeline.stages.engine.stage import run_stage
from musqa_pipeline.stages.graph import get_stage
from musqa_pipeline.stages.models.checks import (
    check_loss_fell,
    check_validation,
    check_weights,
    judge_losses,
)
from musqa_pipeline.stages.models.stage import run_folder, training_images, unit_id_of
from musqa_pipeline.stages.models.table import RUNS
from tests.stages.models.tiny_lake import PARTS

CHECKS = (check_loss_fell, check_validation, check_weights)


@pytest.fixture
def trained(context):
    run_stage(get_stage("models"), context)
    return context


def judged(*loss, validation=0.1):
    curve = {"loss": list(loss), "validation_loss": [validation] * len(loss)}
    return judge_losses({"cnn1d": {"loss": [2.0, 1.0], "validation_loss": [1.0, 1.0]}, "it": curve})


def test_of_a_training_each_check_tells_its_numbers(trained):
    loss, _, weights = (check(trained) for check in CHECKS)
    assert loss.passed
    assert loss.numbers["last_loss_tiny"] < loss.numbers["first_loss_tiny"]
    assert weights.passed
    assert weights.numbers["n_predicted_tiny"] == PARTS["validation"] - 1
    assert weights.numbers["sd_points_tiny"] > 0


@pytest.mark.parametrize("check", CHECKS)
def test_a_network_that_was_asked_for_and_has_no_run_fails(context, check):
    result = check(context)
    assert not result.passed
    assert result.numbers == {"n_absent": 1}


def test_a_loss_that_rose_or_was_nan_fails_beside_a_network_that_learned():
    assert judged(3.0, 4.0, 1.0).passed
    assert not judged(1.0, 0.5, 1.1).passed
    assert judged(1.0).passed
    assert not judged(math.nan).passed
    for bad in (judged(3.0, math.nan, 1.0), judged(3.0, 1.0, validation=math.inf)):
        assert not bad.passed
        assert bad.numbers["n_not_finite_it"] >= 1


@pytest.mark.parametrize(("times", "passed"), [(0.99, True), (1.01, False)])
def test_the_validation_loss_is_held_against_that_of_the_mean_training_label(
    trained, times, passed
):
    training, validation = training_images(trained, "tiny")
    of_mean = float(((validation.quality - training.quality.mean()) ** 2).mean())
    partition, unit = trained.joint_partition("models"), unit_id_of(trained, "tiny")
    row = trained.lake.read(partition, unit).to_pylist()[0]
    row["best_validation_loss"] = times * of_mean
    trained.lake.write(partition, unit, RUNS.from_rows([row]))
    result = check_validation(trained)
    assert result.passed == passed
    assert result.numbers["loss_of_mean_tiny"] == pytest.approx(of_mean, abs=1e-6)


@pytest.mark.parametrize(
    ("value", "claim"),
    [(0.0, "tiny predicts the same of all 5 images"), (math.nan, "weights that are NaN")],
)
def test_weights_that_tell_nothing_apart_or_cannot_be_used_are_named(trained, value, claim):
    path = run_folder(trained, "tiny") / WEIGHTS_FILE
    weights = {name: torch.full_like(w, value) for name, w in read_weights(path).items()}
    write_weights(path, weights)
    result = check_weights(trained)
    assert not result.passed
    assert claim in result.claim
