"""Stage 7: one training per network, resumed where a kill ended it.

The unit is a network with its recipe and its data: its id says so, and not the stage's fingerprint,
so that one more network, or another recipe for one of them, trains nothing else again. Its row in
`runs` is written last: a run folder without it is a training in progress, which the next run of the
stage goes on with.
"""

from __future__ import annotations

import dataclasses
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from musqa_pipeline.audio.constants import EXCERPT_SAMPLES
from musqa_pipeline.core.errors import SettingsError
from musqa_pipeline.core.fingerprints import digest
from musqa_pipeline.learning.imports.imported import weights_digest
from musqa_pipeline.learning.registry import find_model
from musqa_pipeline.stages.dataset.inputs import read_narrow, read_untrained
from musqa_pipeline.stages.engine.context import Context
from musqa_pipeline.stages.engine.stage import Maker, Unit
from musqa_pipeline.stages.models.pretraining.bodies import body_of, body_settings
from musqa_pipeline.stages.models.recipes import recipe_of
from musqa_pipeline.stages.models.table import RUNS
from musqa_pipeline.stages.models.targets import add_further_targets, further_inputs
from musqa_pipeline.stages.models.training import (
    check_finished,
    device_alone,
    folder_alone,
    is_training,
    outputs_folder,
    told_of,
    train_on_images,
)

if TYPE_CHECKING:
    from musqa_pipeline.learning.data.shards import ImageShards


def unit_id_of(context: Context, model_name: str, repetition: int = 0) -> str:
    """Name a training: the network, and a digest of its recipe and data.

    The repetition of a trial chooses the body that it begins with, if it has one.
    """
    entry, settings = find_model(model_name), recipe_of(model_name, context.preset.models)
    data = context.joint_partition(entry.input.stage).fingerprint
    about: list[Any] = [settings.recipe(), data]
    if settings.imported_run:
        about.append(weights_digest(settings.imported_run))
    if entry.version > 1:
        about.append(entry.version)
    about += further_inputs(context, model_name) + body_settings(context, model_name, repetition)
    return f"{model_name}-{digest(about)[:8]}"


def run_folder(context: Context, model_name: str) -> Path:
    """Return where a network's checkpoint, weights, settings and curves lie."""
    return context.lake.local_folder(
        context.joint_partition("models"), unit_id_of(context, model_name)
    )


def list_units(context: Context) -> list[Unit]:
    """List one unit per network of the preset.

    Raises SettingsError if a network is unknown, named twice, not imported though it must be, or
    does not eat the images that the preset makes.
    """
    names = context.preset.models.names
    if len(set(names)) < len(names):
        raise SettingsError(
            f"[models] names={names!r}: expected each network once; edit the preset"
        )
    images = context.preset.spectrograms
    made = (1 + EXCERPT_SAMPLES // images.hop_length_samples, images.n_mels)
    mel = "spectrograms"
    for name in names:
        entry, recipe = find_model(name), recipe_of(name, context.preset.models)
        if entry.needs_import and not recipe.imported_run:
            raise SettingsError(
                f"[models] names: {name!r} comes out of a file and is not trained: set "
                f"imported_run in [models.recipes.{name}] to a folder that musqa model "
                "import-keras made, or edit names"
            )
        spec = entry.input
        if spec.stage == mel and made != (spec.n_frames, spec.n_bands):
            raise SettingsError(
                f"[models] names: {name!r} eats images of {spec.n_frames} frames by {spec.n_bands} "
                f"mel bands, [spectrograms] makes {made[0]} by {made[1]}; edit hop_length_samples "
                "and n_mels, or names"
            )
    return [Unit(unit_id_of(context, name), f"network {name}", {"model": name}) for name in names]


def training_images(context: Context, model_name: str) -> tuple[ImageShards, ImageShards]:
    """Return the images that train a network, and those that stop its training."""
    from musqa_pipeline.learning.data.shards import ImageShards
    from musqa_pipeline.stages.spectrograms.row_shards import shard_files

    settings = recipe_of(model_name, context.preset.models)
    files = shard_files(context, find_model(model_name).input.stage)
    images_of_part = partial(
        ImageShards,
        files,
        draw=settings.train_rows,
        without=read_untrained(context, settings.left_out_catalogs),
        trusted_of=read_narrow(context, settings.narrowest_original_hz),
    )
    return images_of_part("train"), images_of_part("validation")


def make_run(context: Context, unit: Unit) -> pa.Table:
    """Train one network on the spectrograms of the preset; each epoch is a sign of life."""
    from musqa_pipeline.learning.imports.imported import adopt
    from musqa_pipeline.learning.training.batches import ShardBatches

    name = unit.plan["model"]
    settings = recipe_of(name, context.preset.models)
    data = context.joint_partition(find_model(name).input.stage).fingerprint
    training, validation = training_images(context, name)
    body = body_of(context, name)
    add_further_targets(name, training, [context], body)
    with (
        folder_alone(context, "models", unit.unit_id) as work,
        device_alone(context, settings),
    ):
        if settings.imported_run:
            result = adopt(
                name,
                settings.imported_run,
                record=dataclasses.asdict(settings),
                validation_batches=ShardBatches(
                    validation, settings.batch_size, device=settings.device
                ),
                folder=work.path,
                data_fingerprint=data,
                device=settings.device,
            )
        else:
            result = train_on_images(
                name,
                training,
                validation,
                settings,
                work,
                outputs_folder=outputs_folder(context, work),
                data_fingerprint=data,
                body=body,
                says_lines=True,
            )
            check_finished(result, unit.what, settings.max_minutes)
    row = {
        "model": result.model,
        "seed": settings.seed,
        "epochs": result.epochs,
        "best_epoch": result.best_epoch,
        "best_validation_loss": result.best_validation_loss,
        "parameters": result.parameters,
        "n_train": training.n_rows if result.epochs else 0,
        "n_validation": validation.n_rows,
        "data_fingerprint": data,
        **told_of(result, dataclasses.asdict(settings), work),
    }
    return RUNS.from_rows([row])


MODELS_MAKER = Maker(
    version=2,
    tools=("torch", "lightning"),
    units=list_units,
    make=make_run,
    retires=False,
    trains=True,
    gpu=is_training,
)
