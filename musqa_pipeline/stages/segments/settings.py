"""Settings of the unsupervised route."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field, fields
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError
from pydantic.dataclasses import dataclass

from musqa_pipeline.core.errors import SettingsError
from musqa_pipeline.core.settings.section import (
    OneOrMore,
    Section,
    Several,
    placement,
    unknown_key,
)
from musqa_pipeline.learning.gan.recipe import GanRecipe


@dataclass(frozen=True, kw_only=True)
class GanSettings(Section):
    """What is scored without labels, and by whom (paper 000); the preset section ``[gan]``."""

    networks: Several[str] = placement(())
    """GANs to train and to ask, each by its recipe; while none is named, nothing is made."""
    recipes: Mapping[str, Mapping[str, Any]] = field(
        default_factory=dict, metadata={"placement": True}
    )
    """How each is built and trained, ``[gan.recipes.NAME]``: fields of `GanRecipe` (docs/gan.md).
    A training's id says what made it."""
    n_seeds: OneOrMore = placement(3)
    """Trainings of each, with the seeds from 0."""
    critic: Literal["last", "average", "checkpoints"] = placement("last")
    """Which discriminators of a training answer: the last one, the running average of its weights,
    or those of the last checkpoints, whose standardised scores are averaged."""
    genres: Mapping[str, str] = field(default_factory=dict)
    """Class of each word for a genre that catalogs use, or of its part before a slash; empty: each
    is a class by itself."""
    level: Literal["lufs:-14", "as_is"] = "lufs:-14"
    """How loud tracks are before they are degraded: at -14 LUFS with no peak of a segment above 1,
    or as they are, which is right for masters."""
    n_per_track: Annotated[int, Field(ge=1, le=100)] = 3
    """Segments of a test track; they do not overlap."""
    seed: int = 0
    """Seed of where segments are and how they are degraded."""
    visqol: bool = True
    """Whether each segment is compared with its original by ViSQOL too."""

    def __post_init__(self) -> None:
        for name in self.recipes:
            self.recipe(name)

    def recipe(self, name: str, n_classes: int = 1) -> GanRecipe:
        """Return how a network is made, for so many classes of genres.

        Raises SettingsError if it has no recipe, or one that is wrong.
        """
        if name not in self.recipes:
            known = ", ".join(sorted(self.recipes)) or "none"
            raise SettingsError(
                f"[gan] networks: {name!r} has no recipe (there is {known}); write a table "
                f"[gan.recipes.{name}]"
            )
        where = f"[gan.recipes.{name}]"
        if "n_genres" in self.recipes[name]:
            raise SettingsError(f"{where} n_genres: classes are counted; take it out")
        try:
            return GanRecipe(**self.recipes[name], n_genres=n_classes)
        except ValidationError as error:
            problem = error.errors()[0]
            key, value = str(problem["loc"][0]), problem["input"]
            if problem["type"] == "unexpected_keyword_argument":
                known_keys = [f.name for f in fields(GanRecipe)]
                raise SettingsError(unknown_key(where, key, known_keys)) from None
            said = problem["msg"].replace("Input should be", "expected")
            raise SettingsError(f"{where} {key}={value!r}: {said}; edit the preset") from None
