"""Settings of stage 7."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any

from musqa_pipeline.errors import SettingsError
from musqa_pipeline.validation import require


@dataclass(frozen=True, kw_only=True)
class ModelsSettings:
    """How networks are trained; the preset section ``[models]`` (paper 001, III.E)."""

    names: tuple[str, ...] = ("cnn1d",)
    """Networks to train, names of the model registry."""
    seed: int = 0
    """Seed of initial weights, sampler order and dropout."""
    batch_size: int = 64
    """Images in a step."""
    learning_rate: float = 1e-3
    """Adam's first learning rate."""
    learning_rate_factor: float = 0.5
    """The learning rate is multiplied by this when validation loss stalls."""
    learning_rate_patience_epochs: int = 10
    """Epochs without improvement before that happens."""
    plateau_threshold: float = 1e-4
    """Absolute fall of validation loss that counts as improvement for the learning rate."""
    max_epochs: int = 300
    """Most epochs that are trained."""
    stop_patience_epochs: int = 50
    """Training ends after this many epochs without a lower validation loss."""
    max_minutes: float = 0.0
    """If above 0, training ends after this time and the run is marked unfinished."""
    recipes: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Fields of this section that differ for one network: ``[models.recipes.vgg19]``."""

    def __post_init__(self) -> None:
        require(len(self.names) > 0, "models", self, "names", "at least one network")
        require(self.batch_size >= 1, "models", self, "batch_size", "at least 1")
        require(0 < self.learning_rate <= 1, "models", self, "learning_rate", "in (0, 1]")
        require(
            0 < self.learning_rate_factor < 1, "models", self, "learning_rate_factor", "in (0, 1)"
        )
        for name in ("learning_rate_patience_epochs", "max_epochs", "stop_patience_epochs"):
            require(getattr(self, name) >= 1, "models", self, name, "at least 1")
        require(self.plateau_threshold >= 0, "models", self, "plateau_threshold", "0 or more")
        require(self.max_minutes >= 0, "models", self, "max_minutes", "0 or more")
        for network, recipe in self.recipes.items():
            self._check_recipe(network, recipe)

    def _check_recipe(self, name: str, recipe: Mapping[str, Any]) -> None:
        known = {f.name for f in fields(self)} - {"names", "recipes"}
        where = f"[models.recipes.{name}]"
        for key, value in recipe.items():
            if key not in known:
                raise SettingsError(
                    f"{where}: unknown key {key!r}; expected one of {', '.join(sorted(known))}"
                )
            kind = type(getattr(self, key))
            if type(value) is not kind and not (kind is float and type(value) is int):
                raise SettingsError(f"{where} {key}={value!r}: expected {kind.__name__}")
        try:
            replace(self, recipes={}, **recipe)
        except SettingsError as error:
            raise SettingsError(f"{where}: {error}") from error
