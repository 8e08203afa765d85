"""What training and predicting cost: parameters, time on one core, minutes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from musqa_pipeline.baselines.registry import BASELINES
from musqa_pipeline.context import Context
from musqa_pipeline.evaluation.trials import wanted_trials
from musqa_pipeline.models.registry import MODELS


def summarise_trials(context: Context) -> list[dict[str, Any]]:
    """Summarise the finished trials that a preset asks for.

    Parameters
    ----------
    context : Context
        Of the joint stages.

    Returns
    -------
    list of dict
        Per protocol, variant and model: ``n_repetitions``, ``n_trainings``, ``minutes`` (mean of a
        training), ``n_train`` and ``n_train_groups`` (means, rounded) and ``device``.
    """
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


def gather_costs(
    runs: Sequence[Mapping[str, Any]],
    trials: Sequence[Mapping[str, Any]],
    measured: Mapping[str, Mapping[str, Any]] | None = None,
) -> list[dict[str, Any]]:
    """Lay together what each model costs.

    Parameters
    ----------
    runs : sequence of mapping
        Rows of `runs`.
    trials : sequence of mapping
        From `summarise_trials`.
    measured : mapping of str to mapping, optional
        ``parameters``, ``trainable`` and ``ms_per_excerpt`` of networks, where somebody measured
        them.

    Returns
    -------
    list of dict
        Per model, networks first: ``model``, ``parameters``, ``trainable``, ``ms_per_excerpt``,
        ``minutes`` and ``n_train`` of a training (means over all), ``n_trainings`` and ``device``;
        None where not known.
    """
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
        known = (measured or {}).get(model, {})
        n = sum(part[2] for part in made)
        if not n and not known and model in BASELINES:
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
