"""The stage `trials`: one training or one fit per unit, with the predictions as its rows.

A unit's id says which trial it is and on which recipe and data it depends, so that more
repetitions, folds or models make nothing again. Trainings of networks are resumed where a kill
ended them; on a CPU as many run at once as there are workers, each on one thread.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa

from musqa_pipeline.core.errors import SettingsError
from musqa_pipeline.core.fingerprints import digest
from musqa_pipeline.learning.baselines.registry import BASELINES
from musqa_pipeline.learning.registry import MODELS
from musqa_pipeline.stages.engine.context import Context
from musqa_pipeline.stages.engine.stage import Maker, Unit
from musqa_pipeline.stages.models.recipes import recipe_of
from musqa_pipeline.stages.models.stage import unit_id_of as training_id_of
from musqa_pipeline.stages.models.training import folder_alone
from musqa_pipeline.stages.models.trials.divisions import (
    IN_HALVES,
    RANDOM_LABELS,
    Division,
    Trial,
    divide,
    held_groups,
    list_trials,
    with_labels_of_chance,
)
from musqa_pipeline.stages.models.trials.networks import images_of, train_network
from musqa_pipeline.stages.models.trials.table import TRIALS
from musqa_pipeline.stages.spectrograms.features.rows import (
    KEYS,
    POINTS,
    allowed_rows,
    read_described,
    read_rows,
    silent_limits,
)

BASELINES_VERSION = 2
"""Raised when a baseline predicts otherwise."""


def wants_trials(context: Context) -> bool:
    """Tell whether a preset asks for any trial."""
    return bool(context.preset.protocols.models())


def wanted_models(context: Context) -> set[str]:
    """Return the models that the preset's protocols name.

    Raises SettingsError if one is neither, or is imported and so cannot be trained under a
    protocol.
    """
    names = context.preset.protocols.models()
    unknown = sorted(names - set(MODELS) - set(BASELINES))
    if unknown:
        raise SettingsError(
            f"[protocols]: unknown model {unknown[0]!r}; known are {', '.join(BASELINES)} and the "
            f"networks {', '.join(sorted(MODELS))}; edit the preset"
        )
    for name in sorted(names & MODELS.keys()):
        recipe = recipe_of(name, context.preset.models)
        if recipe.imported_run or MODELS[name].needs_import:
            raise SettingsError(
                f"[protocols]: {name} is imported and cannot be trained again on other recordings; "
                "take it out of the repetitions, it is evaluated as it is"
            )
    return names


def list_units(context: Context) -> list[Unit]:
    """List the trials that the preset asks for."""
    if not wants_trials(context):
        return []
    wanted_models(context)
    units = []
    for trial in list_trials(read_described(context), context.preset.protocols):
        where = "-".join(part for part in (trial.protocol, trial.variant, trial.fold) if part)
        unit_id = f"{where}-{trial.repetition}-{_training_id(context, trial)}"
        what = f"{trial.model} under {where}, repetition {trial.repetition}"
        units.append(Unit(unit_id, what, dataclasses.asdict(trial)))
    return units


def make_unit(context: Context, unit: Unit) -> pa.Table:
    """Train or fit one model and let it predict what it never met."""
    trial = Trial(**unit.plan)
    rows = read_rows(context)
    settings = context.preset.protocols
    division = divide(trial, rows, settings)
    held = held_groups(trial, rows, settings)  # before labels are drawn, by which folds are dealt
    if trial.protocol == RANDOM_LABELS:
        models = context.preset.models
        if trial.model in MODELS:
            models = recipe_of(trial.model, models)
        rows = with_labels_of_chance(rows, division, trial.repetition, allowed_rows(models))
    if trial.model in BASELINES:
        found, about = _fit_baseline(context, trial, rows, division)
    else:
        found, about = _train_network(context, trial, unit.unit_id, rows, division, held)
    keys = rows.filter(division.predicted).select(KEYS)
    table = keys.with_columns(
        **{name: pl.lit(getattr(trial, name)) for name in dataclasses.asdict(trial)},
        seed=pl.lit(trial.repetition),
        predicted=pl.Series(found, dtype=pl.Float64),
        **{name: pl.lit(value) for name, value in about.items()},
    )
    return table.select(TRIALS.schema.names).to_arrow().cast(TRIALS.schema)


def _training_id(context: Context, trial: Trial) -> str:
    """Name model, recipe and data; of a baseline the rows and settings that it is fitted on."""
    protocols = context.preset.protocols
    about = [protocols.n_folds, protocols.validation_fraction, protocols.curve_fractions]
    if trial.protocol in IN_HALVES:
        about += [protocols.n_label_folds, protocols.n_label_classes]
    if trial.model in BASELINES:
        data = context.joint_partition("features").fingerprint
        models = context.preset.models
        about += [BASELINES_VERSION, models.train_rows, data, *silent_limits(models)]
        return f"{trial.model}-{digest(about)[:8]}"
    return f"{training_id_of(context, trial.model, trial.repetition)}-{digest(about)[:4]}"


def _fit_baseline(
    context: Context, trial: Trial, rows: pl.DataFrame, division: Division
) -> tuple[np.ndarray, Mapping[str, Any]]:
    started = time.monotonic()
    # What stops a network is no more hidden from a baseline than what trains it.
    seen = rows.filter((division.train | division.validation) & allowed_rows(context.preset.models))
    predict = BASELINES[trial.model].fit(seen, trial.repetition)
    predicted = predict(rows.filter(division.predicted)) / POINTS
    return predicted, {
        "finished": True,
        "n_train": seen.height,
        "n_train_groups": seen["split_group"].n_unique(),
        "n_validation": 0,
        "minutes": (time.monotonic() - started) / 60,
        "device": "cpu",
    }


def _train_network(
    context: Context,
    trial: Trial,
    unit_id: str,
    rows: pl.DataFrame,
    division: Division,
    held: Sequence[str],
) -> tuple[np.ndarray, Mapping[str, Any]]:
    from musqa_pipeline.learning.predict import predict_rows

    with folder_alone(context, "trials", unit_id) as work:
        network, about = train_network(
            *(context, trial.model, trial.repetition, work),
            training=rows.filter(division.train),
            validation=rows.filter(division.validation),
            held=held,
            relabelled=trial.protocol == RANDOM_LABELS,
        )
        asked = rows.filter(division.predicted)
        images, keys = images_of(context, trial.model, asked), asked.select(KEYS).rows()
        found = predict_rows({trial.model: network}, images, keys)[trial.model]
    return found, about


def trains_a_network(unit: Unit) -> bool:
    """Tell whether a trial is of a network, and so wants a GPU."""
    return unit.plan["model"] not in BASELINES


def forget_checkpoint(context: Context, unit: Unit) -> None:
    """Drop the checkpoint of a trial that is stored; weights, settings and curves stay."""
    if not trains_a_network(unit):
        return
    from musqa_pipeline.learning.training.checkpoint import CHECKPOINT_FILE

    partition = context.joint_partition("trials")
    context.lake.store.delete(f"{partition.folder_key}/{unit.unit_id}/{CHECKPOINT_FILE}")


TRIALS_MAKER = Maker(
    version=1,
    tools=("torch", "lightning", "scikit-learn"),
    units=list_units,
    make=make_unit,
    retires=False,
    after=forget_checkpoint,
    gpu=trains_a_network,
)
