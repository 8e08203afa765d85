"""Settings of stage 7."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any, Literal

from musqa_pipeline.core.errors import SettingsError
from musqa_pipeline.core.settings.ranges import SILENT_AT_DEFAULT, require

Precision = Literal["32", "bf16-mixed", "16-mixed"]
Schedule = Literal["plateau", "cosine"]
BackboneOutput = Literal["softmax", "logits"]
IMAGENET, RANDOM = "imagenet", "random"
"""Values of `backbone_weights` that are no path."""
PRECISIONS: tuple[Precision, ...] = ("32", "bf16-mixed", "16-mixed")
SCHEDULES: tuple[Schedule, ...] = ("plateau", "cosine")


@dataclass(frozen=True, kw_only=True)
class ModelsSettings:
    """How networks are trained; the preset section ``[models]`` (paper 001, III.E)."""

    names: tuple[str, ...] = ("cnn1d",)
    """Networks to train, names of the model registry."""
    train_rows: Literal["uniform_draw", "trusted", "every"] = "uniform_draw"
    """Rows that train and validate: those drawn so that quality is uniform (the paper's), all whose
    labels are trusted, or every one."""
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
    learning_rate_schedule: Schedule = field(default="plateau", metadata=SILENT_AT_DEFAULT)
    """The rate falls when validation loss stalls, or along a cosine that ends at `max_epochs`."""
    warmup_epochs: int = field(default=0, metadata=SILENT_AT_DEFAULT)
    """Epochs in which a cosine's rate first rises in equal steps; below `max_epochs`."""
    weight_decay: float = field(default=0.0, metadata=SILENT_AT_DEFAULT)
    """Above 0, AdamW with this decay of all weights but biases and norms; 0 is plain Adam."""
    weight_average_decay: float = field(default=0.0, metadata=SILENT_AT_DEFAULT)
    """Above 0, an exponential average of the weights with this decay a step is kept and used."""
    gradient_clip_norm: float = field(default=0.0, metadata=SILENT_AT_DEFAULT)
    """Above 0, the largest norm that the gradients of a step may have together."""
    kept_weights: Literal["best", "last"] = field(default="best", metadata=SILENT_AT_DEFAULT)
    """Weights of the epoch with the lowest validation loss (the paper's), or of the last one, where
    a schedule of fixed length ends and few recordings would choose by chance."""
    precision: Precision = field(default="32", metadata=SILENT_AT_DEFAULT)
    """Numbers of the forward pass: float32, or mixed with bfloat16 or (GPU only) float16."""
    devices: int = field(default=1, metadata=SILENT_AT_DEFAULT)
    """GPUs (processes, where there is no GPU) that share each batch evenly."""
    backbone_weights: str = field(default="imagenet", metadata=SILENT_AT_DEFAULT)
    """Of Inception v3 and VGG19: ``"imagenet"`` (torchvision's), ``"random"``, or a file's path."""
    backbone_output: BackboneOutput = field(default="softmax", metadata=SILENT_AT_DEFAULT)
    """What their dense layers see of the 1000 outputs."""
    imported_run: str = field(default="", metadata=SILENT_AT_DEFAULT)
    """Folder of an imported network (`musqa model import-keras`), for the recipe of that network:
    its weights are taken as they are and nothing is trained."""
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
        self._check_engine()
        for network, recipe in self.recipes.items():
            self._check_recipe(network, recipe)

    def _check_engine(self) -> None:
        for name, allowed in (
            ("learning_rate_schedule", SCHEDULES),
            ("precision", PRECISIONS),
            ("backbone_output", ("softmax", "logits")),
        ):
            expected = f"one of {', '.join(map(repr, allowed))}"
            require(getattr(self, name) in allowed, "models", self, name, expected)
        require(
            0 <= self.warmup_epochs < self.max_epochs, "models", self, "warmup_epochs",
            "0 or more, and below max_epochs",
        )  # fmt: skip
        require(0 <= self.weight_decay < 1, "models", self, "weight_decay", "in [0, 1)")
        require(
            0 <= self.weight_average_decay < 1, "models", self, "weight_average_decay", "in [0, 1)"
        )
        require(self.gradient_clip_norm >= 0, "models", self, "gradient_clip_norm", "0 or more")
        require(self.devices >= 1, "models", self, "devices", "at least 1")
        require(
            self.backbone_weights != "", "models", self, "backbone_weights",
            "'imagenet', 'random' or the path of a file",
        )  # fmt: skip

    def recipe(self) -> dict[str, Any]:
        """Return what a training depends on, for fingerprints."""
        silent = {
            f.name
            for f in fields(self)
            if f.metadata.get("silent_at_default") and getattr(self, f.name) == f.default
        }
        return {k: v for k, v in asdict(self).items() if k not in {"names", "recipes", *silent}}

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
