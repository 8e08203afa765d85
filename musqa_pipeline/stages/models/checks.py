"""What must hold of trainings: they learned, and what they kept can be used."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np

from musqa_pipeline.core.checks import CheckResult
from musqa_pipeline.core.errors import MusqaError
from musqa_pipeline.learning.registry import find_model
from musqa_pipeline.stages.engine.context import Context
from musqa_pipeline.stages.models.runs import read_preset_runs
from musqa_pipeline.stages.models.stage import training_images
from musqa_pipeline.stages.spectrograms.row_shards import shard_files

PREDICTED_IMAGES = 64
"""Of the validation images that stored weights must predict: 0.3 s of the smallest network of paper
001, 16 s of its largest."""
Numbers = dict[str, float | int | str]


def check_loss_fell(context: Context) -> CheckResult:
    """Check that the training loss of every network fell, and that no loss was NaN."""
    runs = read_preset_runs(context)
    trained = {row["model"]: json.loads(row["curves_json"]) for row in runs if row["epochs"]}
    return judge_losses(trained, n_absent=_n_absent(context, runs))


def judge_losses(
    curves: Mapping[str, Mapping[str, list[float]]], *, n_absent: int = 0
) -> CheckResult:
    """Compare the last training loss of each network with its first.

    A training of one epoch has nothing to be compared with. `n_absent` networks have no run.
    """
    numbers: Numbers = {"n_absent": n_absent}
    passed = n_absent == 0
    for model, curve in curves.items():
        first, last = curve["loss"][0], curve["loss"][-1]
        n_bad = int((~np.isfinite(curve["loss"] + curve["validation_loss"])).sum())
        numbers[f"n_not_finite_{model}"] = n_bad
        if n_bad == 0:
            numbers |= {f"first_loss_{model}": first, f"last_loss_{model}": last}
        passed &= n_bad == 0 and (last < first or len(curve["loss"]) == 1)
    return CheckResult(
        passed=passed,
        claim="the training loss of every network fell, and no loss was NaN",
        numbers=numbers,
    )


def check_validation(context: Context) -> CheckResult:
    """Check that every network errs less on validation images than the mean training label."""
    runs = read_preset_runs(context)
    n_absent = _n_absent(context, runs)
    numbers: Numbers = {"n_absent": n_absent}
    passed = n_absent == 0
    for row in runs:
        model, loss = row["model"], row["best_validation_loss"]
        training, validation = training_images(context, model)
        errors = np.abs(validation.quality - training.quality.mean())
        of_mean = float((errors if find_model(model).error == "absolute" else errors**2).mean())
        numbers |= {f"loss_{model}": round(loss, 6), f"loss_of_mean_{model}": round(of_mean, 6)}
        passed &= loss < of_mean
    return CheckResult(
        passed=passed,
        claim="every network errs less on validation images than the mean of its training labels",
        numbers=numbers,
    )


def check_weights(context: Context) -> CheckResult:
    """Check that the weights of every network load, and do not predict the same of every image."""
    runs = read_preset_runs(context)
    n_absent = _n_absent(context, runs)
    numbers: Numbers = {"n_absent": n_absent}
    problems = []
    for row in runs:
        model = row["model"]
        try:
            predicted = _predicted(context, row)
        except MusqaError as error:
            problems.append(f"{model}: {error}")
            continue
        spread = 100 * float(predicted.std())
        numbers |= {f"n_predicted_{model}": len(predicted), f"sd_points_{model}": round(spread, 3)}
        if spread == 0.0:
            problems.append(f"{model} predicts the same of all {len(predicted)} images")
    return CheckResult(
        passed=n_absent == 0 and not problems,
        claim="; ".join(problems)
        or "the weights of every network load and tell validation images apart",
        numbers=numbers,
    )


def _predicted(context: Context, row: Mapping[str, Any]) -> np.ndarray:
    """Let the stored weights of a run predict some of its validation images."""
    from musqa_pipeline.learning.data.shards import ImageShards
    from musqa_pipeline.learning.predict import load_model, predict_rows

    model = row["model"]
    _, validation = training_images(context, model)
    every = validation.labels.select(["catalog", "degraded_id"]).to_pylist()
    step = -(-len(every) // PREDICTED_IMAGES)
    keys = [(key["catalog"], key["degraded_id"]) for key in every[::step]]
    files = shard_files(context, find_model(model).input.stage)
    images = ImageShards(files, "chosen", keys=set(keys), memory_limit_bytes=0)
    folder = context.lake.store.local_folder(row["folder"])
    network = load_model(folder, device=context.preset.models.device)
    return predict_rows({model: network}, images, keys)[model]


def _n_absent(context: Context, runs: list[dict[str, Any]]) -> int:
    """Count the networks of the preset that have no run."""
    return len(set(context.preset.models.names) - {row["model"] for row in runs})
