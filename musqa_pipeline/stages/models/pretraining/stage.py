"""The stage `pretraining`: bodies that learn from music that nobody rated, resumed after a kill.

A unit is a method with its recipe, a seed and the tracks that it learns from; networks and folds
that want the same share it. On a CPU as many run at once as there are workers, each on one thread.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import polars as pl
import pyarrow as pa

from musqa_pipeline.core.errors import StageError
from musqa_pipeline.core.fingerprints import digest
from musqa_pipeline.learning.entry import TrainingSettings
from musqa_pipeline.learning.pretraining.methods import METHODS, Material
from musqa_pipeline.stages.engine.context import Context
from musqa_pipeline.stages.engine.stage import Maker, Unit
from musqa_pipeline.stages.models.pretraining.bodies import (
    is_pretrained,
    pretraining_unit,
    unit_before,
)
from musqa_pipeline.stages.models.pretraining.material import (
    listed_tracks,
    pretraining_settings,
    streams_folder,
    streams_of,
)
from musqa_pipeline.stages.models.pretraining.table import PRETRAININGS
from musqa_pipeline.stages.models.training import (
    check_finished,
    device_or_core,
    epoch_kept,
    folder_alone,
    is_training,
    tell,
    told_of,
)
from musqa_pipeline.stages.models.trials.divisions import held_groups, list_trials
from musqa_pipeline.stages.spectrograms.features.rows import read_described
from musqa_pipeline.stages.spectrograms.in_use import networks_in_use

if TYPE_CHECKING:
    from musqa_pipeline.learning.training.attempt import TrainingResult


def list_units(context: Context) -> list[Unit]:
    """List the pre-trainings that networks of the preset want, each once."""
    models = {m for m in networks_in_use(context.preset) if is_pretrained(context, m)}
    if not models:
        return []
    tracks = listed_tracks(context)
    units = {}
    for model, held, repetition in beginnings(context, models):
        unit = pretraining_unit(context, model, tracks, held, repetition)
        if not unit.plan["material"]:
            raise StageError(
                f"pretraining: no track is left to learn from for {model} that it is not tested "
                "on; add a catalog, or set [pretraining] transductive = true"
            )
        for one in filter(None, (unit_before(context, unit), unit)):
            units[one.unit_id] = one
    return list(units.values())


def beginnings(context: Context, models: set[str]) -> Iterator[tuple[str, frozenset[str], int]]:
    """Yield networks with the groups that they will be tested on and the repetition."""
    preset = context.preset
    for model in sorted(models & set(preset.models.names)):
        yield model, frozenset(), 0
    if not models & preset.protocols.models():
        return
    rows, n_seeds = read_described(context), pretraining_settings(preset).n_seeds
    seen = set()
    for trial in list_trials(rows, preset.protocols):
        if trial.model in models:
            held = frozenset(held_groups(trial, rows, preset.protocols))
            beginning = (trial.model, held, trial.repetition % n_seeds)
            if beginning not in seen:
                seen.add(beginning)
                yield beginning


def make_run(context: Context, unit: Unit) -> pa.Table:
    """Pre-train one body; each checkpoint is a sign of life."""
    tell()
    earlier = unit_before(context, unit)
    before = None
    if earlier:
        _train(context, earlier)
        before = context.lake.local_folder(context.joint_partition("pretraining"), earlier.unit_id)
    trained = _train(context, unit, before)
    learned = pl.DataFrame(trained.learned, ["catalog", "track_id"], orient="row")
    tracks = listed_tracks(context).join(learned, on=learned.columns, how="semi")
    row = {
        "method": unit.plan["method"],
        "seed": unit.plan["seed"],
        "transductive": unit.plan["transductive"],
        "checkpoints": trained.result.epochs,
        "n_tracks": tracks.height,
        "n_recordings": tracks["recording"].n_unique(),
        "hours": tracks["duration_s"].sum() / 3600,
        "heard": ["/".join(key) for key in trained.heard],
        "refused": trained.refused,
        "parameters": trained.result.parameters,
        **trained.told,
    }
    return PRETRAININGS.from_rows([row])


class _Trained(NamedTuple):
    result: TrainingResult
    heard: list[tuple[str, str]]
    learned: list[tuple[str, str]]
    """Those of them that are long enough."""
    refused: list[str]
    told: dict[str, Any]


def _train(context: Context, unit: Unit, before: Path | None = None) -> _Trained:
    """Train in the unit's folder, or find it finished there; one process at a time.

    Raises StageError if `max_minutes` ended it: half a body serves nobody.
    """
    plan, models = unit.plan, context.preset.models
    method = METHODS[plan["method"]]
    recipe = pretraining_settings(context.preset).recipe_of(plan["method"])
    chosen = dataclasses.asdict(models) | {"seed": plan["seed"]}
    with (
        folder_alone(context, "pretraining", unit.unit_id) as work,
        streams_folder(context) as folder,
    ):
        streams = streams_of(context, plan["material"], method.stream, folder)
        material = Material(streams.streams, streams.recordings, before)
        with device_or_core(context, models) as n_threads:
            result = method.train(
                recipe,
                material,
                training=TrainingSettings.of(chosen),
                folder=work.path,
                data_fingerprint=digest([plan["material"], streams.refused]),
                log=tell,
                on_epoch=epoch_kept(work),
                n_threads=n_threads,
            )
        check_finished(result, unit.what, models.max_minutes)
        told = told_of(result, plan["recipe"], work)
        least = method.shortest(recipe)
        long = [len(stream) >= least for stream in streams.streams]
    learned = list(itertools.compress(streams.heard, long))
    return _Trained(result, streams.heard, learned, streams.refused, told)


_TOOLS = (
    "torch", "lightning", "transformers", "scikit-learn", "numpy", "soxr", "imageio-ffmpeg",
)  # fmt: skip
PRETRAINING_MAKER = Maker(
    version=2,
    tools=_TOOLS,
    units=list_units,
    make=make_run,
    retires=False,
    gpu=is_training,
)
