"""Settings of what networks learn before they meet a label."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from pydantic.dataclasses import dataclass

from musqa_pipeline.core.settings.section import OneOrMore, Section, Several, placement
from musqa_pipeline.learning.pretraining.methods import Size, recipe_of_method


@dataclass(frozen=True, kw_only=True)
class PretrainingSettings(Section):
    """How bodies are pre-trained (paper 004, 3 and 4.2); the preset section ``[pretraining]``.

    Networks of ``[models]`` and ``[protocols]`` ask for it by themselves. A training's id says what
    made it, so that no setting is part of a fingerprint.
    """

    catalogs: Several[str] = placement(())
    """Catalogs of the preset whose tracks are learned from, rated or not; all when left out."""
    size: Size = placement("paper")
    """Recipes as in the paper, or for two cores."""
    recipes: Mapping[str, Mapping[str, Any]] = dataclasses.field(
        default_factory=dict, metadata={"placement": True}
    )
    """Fields of a method's recipe that differ: ``[pretraining.recipes.wav2vec2]``."""
    n_seeds: OneOrMore = placement(1)
    """Trainings of each method, with the seeds from 0; repetitions of a trial take them in turn."""
    transductive: bool = placement(False)
    """Whether recordings are learned from, without their labels, on which the network is tested
    afterwards. Their sound helps then, which tables say."""

    def __post_init__(self) -> None:
        for method in self.recipes:
            self.recipe_of(method)

    def recipe_of(self, method: str) -> Any:
        """Return how a method trains, or raise a `SettingsError`."""
        return recipe_of_method(method, self.size, self.recipes.get(method, {}))
