"""What the section ``[models]`` says of the networks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from musqa_pipeline.core.settings.models import RANDOM, ModelsSettings
from musqa_pipeline.learning.registry import MODELS, find_model


def recipe_of(name: str, settings: ModelsSettings) -> ModelsSettings:
    """Return the section as it is for one network.

    The section's `recipes` win over the registry's recipe, and that over the section.

    Raises SettingsError if there is no such network, or a value is out of range.
    """
    own: Mapping[str, Any] = {**find_model(name).recipe, **settings.recipes.get(name, {})}
    return replace(settings, names=(name,), recipes={}, **own)


def random_backbones(settings: ModelsSettings) -> set[str]:
    """Name the networks whose backbones begin with random weights."""
    return {
        name
        for name, entry in MODELS.items()
        if entry.has_backbone and recipe_of(name, settings).backbone_weights == RANDOM
    }
