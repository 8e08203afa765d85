"""What the section ``[models]`` says of one network, and its training by that."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

from musqa_pipeline.core.settings.models import ModelsSettings
from musqa_pipeline.learning.entry import TrainingSettings
from musqa_pipeline.learning.registry import find_model

if TYPE_CHECKING:
    from musqa_pipeline.learning.data.shards import ImageShards
    from musqa_pipeline.learning.training.attempt import TrainingResult


def recipe_of(name: str, settings: ModelsSettings) -> ModelsSettings:
    """Return the section as it is for one network.

    The section's `recipes` win over the registry's recipe, and that over the section.

    Raises SettingsError if there is no such network, or a value is out of range.
    """
    own: Mapping[str, Any] = {**find_model(name).recipe, **settings.recipes.get(name, {})}
    return replace(settings, names=(name,), recipes={}, **own)


def train_on_images(
    name: str,
    training: ImageShards,
    validation: ImageShards,
    recipe: ModelsSettings,
    **others: Any,
) -> TrainingResult:
    """Train a network on stored images by its recipe; `others` are those of `train`."""
    from musqa_pipeline.learning.training.batches import ShardBatches
    from musqa_pipeline.learning.training.train import train

    size, n_devices = recipe.batch_size, recipe.devices
    return train(
        name,
        entry=find_model(name),
        settings=TrainingSettings.of(asdict(recipe)),
        train_batches=ShardBatches(training, size, recipe.seed, n_devices),
        validation_batches=ShardBatches(validation, size, n_devices=n_devices),
        identity=recipe.recipe(),
        record=asdict(recipe),
        **others,
    )
