"""What training and predicting cost: parameters, time on one core, minutes.

Times are measured once and kept beside the report, so that making a report again gives the same
page; another fingerprint of the evaluation measures anew.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import polars as pl

from musqa_pipeline.core import seals
from musqa_pipeline.core.files import whole_file
from musqa_pipeline.learning.baselines.registry import BASELINES
from musqa_pipeline.learning.registry import MODELS
from musqa_pipeline.stages.engine.context import Context
from musqa_pipeline.stages.evaluation.trials import wanted_trials
from musqa_pipeline.stages.models.recipes import recipe_of

COSTS_FILE = "costs.json"


def summarise_trials(context: Context) -> list[dict[str, Any]]:
    """Summarise the finished trials that a preset asks for."""
    trials = wanted_trials(context)
    each = trials.unique(
        ["protocol", "variant", "fold", "model", "repetition"], keep="first", maintain_order=True
    )
    summary = each.group_by("protocol", "variant", "model", maintain_order=True).agg(
        n_repetitions=pl.col("repetition").n_unique(),
        n_trainings=pl.len(),
        minutes=pl.col("minutes").mean(),
        n_train=pl.col("n_train").mean().round().cast(pl.Int64),
        n_train_groups=pl.col("n_train_groups").mean().round().cast(pl.Int64),
        device=pl.col("device").first(),
    )
    return summary.to_dicts()


def measured_costs(
    context: Context,
    runs: Sequence[Mapping[str, Any]],
    trials: Sequence[Mapping[str, Any]],
    folder: Path,
) -> dict[str, dict[str, Any]]:
    """Measure what the networks of runs and trials cost, or read what was measured before."""
    path = folder / COSTS_FILE
    if path.is_file():
        kept: dict[str, dict[str, Any]] = json.loads(seals.read(path))
        return kept
    from musqa_pipeline.learning.cost import measure_cost

    settings = {run["model"]: json.loads(run["settings_json"]) for run in runs}
    for model in dict.fromkeys(trial["model"] for trial in trials):
        if model in MODELS and model not in settings:
            settings[model] = dataclasses.asdict(recipe_of(model, context.preset.models))
    found = {model: measure_cost(model, of_it) for model, of_it in settings.items()}
    with whole_file(path) as temporary:
        temporary.write_text(json.dumps(found, indent=1), encoding="utf-8")
    return found


def gather_costs(
    networks: Sequence[str],
    runs: Sequence[Mapping[str, Any]],
    trials: Sequence[Mapping[str, Any]],
    measured: Mapping[str, Mapping[str, Any]],
) -> list[dict[str, Any]]:
    """Lay together what each model costs."""
    rows = []
    for model in (*MODELS, *BASELINES):
        own = [run for run in runs if run["model"] == model]
        made = [
            (run["minutes"], run["n_train"], 1, run["device"]) for run in own if run["finished"]
        ]
        made += [
            (t["minutes"], t["n_train"], t["n_trainings"], t["device"])
            for t in trials
            if t["model"] == model
        ]
        known = measured.get(model, {})
        n = sum(part[2] for part in made)
        if not n and not known and model not in networks:
            continue
        rows.append(
            {
                "model": model,
                "parameters": known.get("parameters"),
                "trainable": known.get("trainable", own[0]["parameters"] if own else None),
                "ms_per_excerpt": known.get("ms_per_excerpt"),
                "minutes": sum(part[0] * part[2] for part in made) / n if n else None,
                "n_train": round(sum(part[1] * part[2] for part in made) / n) if n else None,
                "n_trainings": n,
                "device": ", ".join(sorted({part[3] for part in made})),
            }
        )
    return rows
