"""Which images a network eats, named so that they can be told apart and made again years later."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from musqa_pipeline.core.errors import SettingsError
from musqa_pipeline.core.fingerprints import digest
from musqa_pipeline.core.settings.dataset import SpectrogramsSettings
from musqa_pipeline.learning.registry import find_model
from musqa_pipeline.stages.engine.context import Context
from musqa_pipeline.stages.spectrograms.features.stage import FEATURES_MAKER, feature_row
from musqa_pipeline.stages.spectrograms.row_shards import ImageRow
from musqa_pipeline.stages.spectrograms.stage import SPECTROGRAMS_MAKER, image_row

STORAGE_ONLY = ("rows_per_group", "rows_per_shard")
"""Settings of ``[spectrograms]`` that say how images lie, and not what they show."""


MAKERS: dict[str, tuple[int, ImageRow]] = {
    "spectrograms": (SPECTROGRAMS_MAKER.version, image_row),
    "features": (FEATURES_MAKER.version, feature_row),
}
"""Stages whose images can be made of a degraded excerpt alone: version, and what makes a row."""


def recipe_of_images(context: Context, network: str) -> dict[str, Any]:
    """Say what decides on the images of a network."""
    stage = find_model(network).input.stage
    if stage not in MAKERS:
        raise SettingsError(
            f"[promotion] network={network!r}: it hears the reference too, and only networks "
            "without one are promoted; name another"
        )
    return recipe_of_stage(context, stage)


def recipe_of_stage(context: Context, stage: str) -> dict[str, Any]:
    """Say what decides on the images of a stage; see `recipe_of_images`."""
    settings = dataclasses.asdict(context.preset.spectrograms)
    mel = {name: value for name, value in settings.items() if name not in STORAGE_ONLY}
    return {
        "stage": stage,
        "version": MAKERS[stage][0],
        "target_lufs": context.preset.excerpts.target_lufs,
        **({"spectrograms": mel} if stage == "spectrograms" else {}),
    }


def images_name(recipe: Mapping[str, Any]) -> str:
    """Name images after their recipe, safe as a part of a unit id."""
    return f"{recipe['stage']}-{digest(dict(recipe))[:12]}"


def context_of_images(context: Context, recipe: Mapping[str, Any]) -> Context:
    """Return a context whose preset makes the images of a recipe."""
    preset = context.preset
    excerpts = dataclasses.replace(preset.excerpts, target_lufs=recipe["target_lufs"])
    mel = SpectrogramsSettings(**recipe.get("spectrograms", {}))
    preset = dataclasses.replace(preset, excerpts=excerpts, spectrograms=mel)
    return dataclasses.replace(context, preset=preset)
