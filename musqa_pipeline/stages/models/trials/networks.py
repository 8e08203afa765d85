"""Train a network on any rows of the dataset, resumed where a kill ended it."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from musqa_pipeline.core.fingerprints import digest
from musqa_pipeline.core.seeds import derive_seed
from musqa_pipeline.learning.registry import find_model
from musqa_pipeline.stages.engine.context import Context
from musqa_pipeline.stages.models.pretraining.bodies import body_of
from musqa_pipeline.stages.models.recipes import recipe_of
from musqa_pipeline.stages.models.targets import add_further_targets
from musqa_pipeline.stages.models.training import (
    check_finished,
    device_or_core,
    outputs_folder,
    tell,
    train_on_images,
)
from musqa_pipeline.stages.spectrograms.features.rows import KEYS, POINTS, allowed_rows
from musqa_pipeline.storage.stores.store import WorkFolder

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import nn

    from musqa_pipeline.learning.data.shards import ImageShards


def images_of(
    context: Context, model: str, rows: pl.DataFrame, further: Sequence[Context] = ()
) -> ImageShards:
    """Return the stored images that a network eats of some rows."""
    from musqa_pipeline.learning.data.shards import ImageShards
    from musqa_pipeline.stages.spectrograms.row_shards import shard_files

    stage = find_model(model).input.stage
    files = [file for place in (context, *further) for file in shard_files(place, stage)]
    return ImageShards(files, "chosen", keys=set(rows.select(KEYS).rows()))


def train_network(
    context: Context,
    model: str,
    repetition: int,
    work: WorkFolder,
    *,
    training: pl.DataFrame,
    validation: pl.DataFrame,
    held: Collection[str] = (),
    relabelled: bool = False,
    further: Sequence[Context] = (),
) -> tuple[nn.Module, Mapping[str, Any]]:
    """Train a network by the preset's recipe on some rows, and load its weights.

    A body that it begins with has heard nothing of the groups that are `held`. If rows are
    `relabelled`, their ``label`` stands for the stored one.
    """
    from musqa_pipeline.learning.networks.backbone import FrozenStemNetwork
    from musqa_pipeline.learning.predict import load_model

    seed = context.preset.models.seed
    if repetition:
        seed = derive_seed("protocols", repetition) % 2**31
    recipe = dataclasses.replace(recipe_of(model, context.preset.models), seed=seed)
    taken = training.filter(allowed_rows(recipe))
    stopping = validation.filter(allowed_rows(recipe))
    images, looked_at = (images_of(context, model, some, further) for some in (taken, stopping))
    stage = find_model(model).input.stage
    data = [place.joint_partition(stage).fingerprint for place in (context, *further)]
    if relabelled:
        for shards, some in ((images, taken), (looked_at, stopping)):
            shards.replace_quality(_labels_of(shards, some))
    body = body_of(context, model, held=held, repetition=repetition)
    add_further_targets(model, images, [context, *further], body)
    tell()
    with device_or_core(context, recipe) as n_threads:
        result = train_on_images(
            model,
            images,
            looked_at,
            recipe,
            work,
            outputs_folder=outputs_folder(context, work),
            data_fingerprint=digest(data) if further else data[0],
            body=body,
            n_threads=n_threads,
        )
    check_finished(result, f"a training of {model}", recipe.max_minutes)
    network = load_model(work.path, device=recipe.device)
    if isinstance(network, FrozenStemNetwork):
        network.cache_in(outputs_folder(context, work))
    return network, {
        "finished": result.finished,
        "n_train": images.n_rows,
        "n_train_groups": taken["split_group"].n_unique(),
        "n_validation": looked_at.n_rows,
        "minutes": result.minutes,
        "device": result.device,
    }


def _labels_of(images: ImageShards, rows: pl.DataFrame) -> NDArray[np.float32]:
    """Return what rows say of the quality of images, in their order."""
    stored = pl.DataFrame(images.labels.select(KEYS))
    found = stored.join(rows, on=KEYS, how="left", maintain_order="left", validate="1:1")
    return (found["label"] / POINTS).to_numpy().astype(np.float32)
