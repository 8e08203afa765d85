"""What is known of a network before it is built: what it eats, how it is built and trained."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from importlib import import_module
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from torch import Tensor, nn


CLUSTER = "cluster"
"""What the body that a network begins with calls a row: a number."""
PLANNED = ("cutoff", "slope", "codec")
"""What the plan of a row knows: where its band ends and how steeply, in 0-1, and which process came
last, a number."""


@dataclass(frozen=True, kw_only=True)
class TrainingSettings:
    """How one network is built and trained.

    Names, meaning and defaults are those of the preset section ``[models]``, which documents each
    and checks its range (`docs/models.md`).
    """

    seed: int = 0
    learning_rate: float = 1e-3
    learning_rate_factor: float = 0.5
    learning_rate_patience_epochs: int = 10
    plateau_threshold: float = 1e-4
    max_epochs: int = 300
    stop_patience_epochs: int = 50
    max_minutes: float = 0.0
    learning_rate_schedule: Literal["plateau", "cosine"] = "plateau"
    warmup_epochs: int = 0
    weight_decay: float = 0.0
    weight_average_decay: float = 0.0
    gradient_clip_norm: float = 0.0
    kept_weights: Literal["best", "last"] = "best"
    n_members: int = 4
    darkened_fraction: float = 0.0
    darkest_db_per_octave: float = 13.0
    stop_on: Literal["loss", "loss_or_correlation"] = "loss"
    body_learning_rate: float = 0.0
    piece_hop_frames: int = 4
    cluster_weight: float = 0.1
    body_architecture: str = ""
    """JSON of the sizes of a body that may have others than the usual: of a wav2vec 2.0, or how
    many clusters; no setting of the section, as it follows from weights or their recipe."""
    precision: Literal["auto", "32", "bf16-mixed", "16-mixed"] = "32"
    device: str = "auto"
    devices: int = 1
    backbone_weights: str = "imagenet"
    backbone_output: Literal["softmax", "logits"] = "softmax"

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> TrainingSettings:
        """Take what a training needs out of a section, or out of the record of a run."""
        names = [f.name for f in fields(cls)]
        return cls(**{name: values[name] for name in names if name in values})


@dataclass(frozen=True)
class InputSpec:
    """What a network eats: float32 images (n, n_frames, n_bands) in 0-1, or something else."""

    n_frames: int = 1876
    """Rows of an image, over time; of the mel images 256 samples apart, 10 s (paper 001, III.C)."""
    n_bands: int = 256
    """Columns of an image; of the mel images bands from low to high, 0 to 24 kHz."""
    stage: str = "spectrograms"
    """The stage whose shards hold the images."""
    others: tuple[tuple[int, ...], ...] = ()
    """Shape of an example of each input, where these are not one such image."""

    @property
    def shapes(self) -> tuple[tuple[int, ...], ...]:
        """Shape of an example of each input."""
        return self.others or ((self.n_frames, self.n_bands),)


@dataclass(frozen=True)
class ModelEntry:
    """One network."""

    title: str
    """What a report calls it."""
    build: Callable[[TrainingSettings], nn.Module]
    """Makes a network with fresh weights, drawn from torch's global generator."""
    input: InputSpec
    loss: Callable[[nn.Module, Tensor, Tensor], Tensor] | None = None
    """Of (network, images, quality), for training; the mean `error` when left out."""
    recipe: Mapping[str, Any] = field(default_factory=dict)
    """Fields of the section ``[models]`` in which it is trained otherwise than the section says."""
    body: str = ""
    """Method of pre-training that its body may have been through, one of `pretraining.METHODS`."""
    has_backbone: bool = False
    """Whether it holds a network whose weights `backbone_weights` names."""
    on_request: bool = False
    """Whether a report passes over it unless it was run."""
    needs_import: bool = False
    """Whether it comes out of a file alone, and is trained nowhere here."""
    learner: Callable[[nn.Module, TrainingSettings], Any] | None = None
    """Makes the `Learner` where training is not one loss of quality and one optimizer."""
    loss_settings: tuple[str, ...] = ()
    """Names of the settings that `loss` takes besides, as keyword arguments."""
    further_targets: tuple[str, ...] = ()
    """What `loss` gets beside quality: scores of second metrics, as ``[opinions]`` names them, or
    words of `PLANNED`."""
    error: Literal["square", "absolute"] = "square"
    """What validation looks at for each image, and whose mean training makes small without a
    `loss`."""
    version: int = 1
    """Raised when the same recipe and the same data train another network."""


# Partials of functions, because other ranks of a training get the entry pickled.
def build_named(module: str, kind: str, settings: TrainingSettings, **options: Any) -> nn.Module:
    """Build a network of a module of `networks` that no setting changes."""
    found = import_module(f"musqa_pipeline.learning.networks.{module}")
    network: nn.Module = getattr(found, kind)(**options)
    return network


def build_members(module: str, kind: str, settings: TrainingSettings, **options: Any) -> nn.Module:
    """Build a network of so many members as a setting says."""
    return build_named(module, kind, settings, n_members=settings.n_members, **options)


def loss_named(
    module: str, name: str, network: nn.Module, images: Tensor, quality: Tensor, **settings: Any
) -> Tensor:
    """Return a loss of a module of `networks`."""
    found = import_module(f"musqa_pipeline.learning.networks.{module}")
    loss: Tensor = getattr(found, name)(network, images, quality, **settings)
    return loss
