"""Settings of stage 7."""

from __future__ import annotations

from dataclasses import dataclass

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

    def __post_init__(self) -> None:
        require(len(self.names) > 0, "models", self, "names", "at least one network")
        require(self.batch_size >= 1, "models", self, "batch_size", "at least 1")
        require(0 < self.learning_rate <= 1, "models", self, "learning_rate", "in (0, 1]")
        require(
            0 < self.learning_rate_factor < 1, "models", self, "learning_rate_factor", "in (0, 1)"
        )
        for field in ("learning_rate_patience_epochs", "max_epochs", "stop_patience_epochs"):
            require(getattr(self, field) >= 1, "models", self, field, "at least 1")
        require(self.plateau_threshold >= 0, "models", self, "plateau_threshold", "0 or more")
        require(self.max_minutes >= 0, "models", self, "max_minutes", "0 or more")
