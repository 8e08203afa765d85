"""Which networks a preset trains, and the shards of images that only some of them eat."""

from __future__ import annotations

from musqa_pipeline.core.settings.preset import Preset
from musqa_pipeline.learning.registry import MODELS, find_model
from musqa_pipeline.stages.engine.context import Context
from musqa_pipeline.stages.engine.stage import Unit
from musqa_pipeline.stages.spectrograms.row_shards import list_shards


def networks_in_use(preset: Preset) -> set[str]:
    """Return the networks that a preset trains, in stage 7 or under a protocol.

    Stage 7 refuses names that the registry does not have.
    """
    return {*preset.models.names, *preset.protocols.models()} & MODELS.keys()


def is_eaten(preset: Preset, stage: str) -> bool:
    """Whether a network that the preset trains, also under a protocol, eats a stage's images."""
    return any(find_model(name).input.stage == stage for name in networks_in_use(preset))


def list_eaten_shards(context: Context, *, stage: str) -> list[Unit]:
    """List the shards of a stage, none if no network of the preset needs them."""
    return list_shards(context) if is_eaten(context.preset, stage) else []
