"""The networks that can be trained: a plain dictionary from name to how to build one.

A new network is one module with an `nn.Module` and one entry in `MODELS`. Nothing here imports
torch until a network is built, so that a preset's names can be checked at no cost.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from musqa_pipeline.core.errors import SettingsError
from musqa_pipeline.core.settings.models import ModelsSettings
from musqa_pipeline.core.settings.preset import Preset

if TYPE_CHECKING:
    from torch import Tensor, nn

    from musqa_pipeline.learning.training.learner import Learner


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
    """One network of the registry."""

    title: str
    """What a report calls it."""
    build: Callable[[ModelsSettings], nn.Module]
    """Makes a network with fresh weights, drawn from torch's global generator."""
    input: InputSpec
    loss: Callable[[nn.Module, Tensor, Tensor], Tensor] | None = None
    """Of (network, images, quality), for training; the mean square error when left out."""
    recipe: Mapping[str, Any] = field(default_factory=dict)
    """Fields of `ModelsSettings` in which it is trained otherwise than the section says."""
    has_backbone: bool = False
    """Whether it holds a network whose weights `backbone_weights` names."""
    on_request: bool = False
    """Whether a report passes over it unless it was run."""
    learner: Callable[[nn.Module, ModelsSettings], Learner] | None = None
    """Says how it is trained, where that is not one loss of quality and one optimizer."""


def _build_cnn1d(settings: ModelsSettings) -> nn.Module:
    from musqa_pipeline.learning.networks.cnn1d import Cnn1d

    return Cnn1d()


def _build_cnn1d_reversed(settings: ModelsSettings) -> nn.Module:
    from musqa_pipeline.learning.networks.cnn1d import Cnn1dReversed

    return Cnn1dReversed()


def _build_inception(settings: ModelsSettings) -> nn.Module:
    from musqa_pipeline.learning.networks.inception import build

    return build(settings)


def _build_inception_frozen_stem(settings: ModelsSettings) -> nn.Module:
    from musqa_pipeline.learning.networks.inception import build_frozen_stem

    return build_frozen_stem(settings)


def _build_vgg(settings: ModelsSettings) -> nn.Module:
    from musqa_pipeline.learning.networks.vgg import build

    return build(settings)


def _build_vgg_frozen_stem(settings: ModelsSettings) -> nn.Module:
    from musqa_pipeline.learning.networks.vgg import build_frozen_stem

    return build_frozen_stem(settings)


def _backbone(title: str, build: Callable[[ModelsSettings], nn.Module], batch: int) -> ModelEntry:
    """Describe a network of table IV; batches as in the paper, III.E."""
    return ModelEntry(title, build, InputSpec(), recipe={"batch_size": batch}, has_backbone=True)


def _build_insenet(settings: ModelsSettings) -> nn.Module:
    from musqa_pipeline.learning.networks.insenet import InseNet

    return InseNet()


def _build_musqa_net(settings: ModelsSettings) -> nn.Module:
    from musqa_pipeline.learning.networks.musqa_net import MusqaNet

    return MusqaNet()


def _musqa_net_loss(network: nn.Module, images: Tensor, quality: Tensor) -> Tensor:
    from musqa_pipeline.learning.networks.musqa_net import loss

    return loss(network, images, quality)  # type: ignore[arg-type]


MUSQA_NET_RECIPE = {
    "train_rows": "every",
    "batch_size": 64,
    "learning_rate": 2e-3,
    "learning_rate_schedule": "cosine",
    "warmup_epochs": 1,
    "max_epochs": 12,
    "weight_decay": 0.05,
    "weight_average_decay": 0.998,
    "gradient_clip_norm": 5.0,
    "kept_weights": "last",
}
MUSQA_NET_INPUT = InputSpec(n_frames=31, n_bands=1024, stage="features")


def _ablation(name: str, title: str) -> ModelEntry:
    """Describe musqa-net without one of its choices; trained by its recipe."""

    def build(settings: ModelsSettings) -> nn.Module:
        from musqa_pipeline.learning.networks.musqa_net_ablations import ABLATIONS

        return ABLATIONS[name].build()

    def loss(network: nn.Module, images: Tensor, quality: Tensor) -> Tensor:
        from musqa_pipeline.learning.networks.musqa_net_ablations import ABLATIONS

        return ABLATIONS[name].loss(network, images, quality)

    return ModelEntry(
        f"musqa-net, {title} (ablation)", build, MUSQA_NET_INPUT, loss, MUSQA_NET_RECIPE
    )


MODELS: dict[str, ModelEntry] = {
    "musqa_net": ModelEntry(
        "musqa-net",
        _build_musqa_net,
        MUSQA_NET_INPUT,
        loss=_musqa_net_loss,
        recipe=MUSQA_NET_RECIPE,
    ),
    "musqa_net_one_member": _ablation("one_member", "one member"),
    "musqa_net_no_augmentation": _ablation("no_augmentation", "no augmentation"),
    "musqa_net_no_darkening": _ablation("no_darkening", "no darkening"),
    "musqa_net_point": _ablation("point", "a point for a distribution"),
    "musqa_net_no_level": _ablation("no_level", "no absolute level"),
    "musqa_net_coarse": _ablation("coarse", "coarse bands"),
    "cnn1d": ModelEntry("1-D CNN (paper 001, table III)", _build_cnn1d, InputSpec()),
    "cnn1d_reversed": ModelEntry(
        "1-D CNN, time reversed (as paper 001 released it)",
        _build_cnn1d_reversed,
        InputSpec(),
        on_request=True,
    ),
    "inception_v3": _backbone("Inception v3 (paper 001, table IV)", _build_inception, 64),
    "inception_v3_frozen_stem": _backbone(
        "Inception v3, stem frozen (ablation)", _build_inception_frozen_stem, 64
    ),
    "vgg19": _backbone("VGG19 (paper 001, table IV)", _build_vgg, 32),
    "vgg19_frozen_stem": _backbone("VGG19, stem frozen (ablation)", _build_vgg_frozen_stem, 32),
    "insenet": ModelEntry(
        "intrusive, after InSE-NET (paper 002)",
        _build_insenet,
        InputSpec(n_frames=125, n_bands=64, stage="pairs"),
        recipe={
            # With the reference at hand every label counts, of dark or suspect originals too.
            "train_rows": "every",
            "batch_size": 64,
            "learning_rate": 2e-3,
            "learning_rate_schedule": "cosine",
            "warmup_epochs": 1,
            "weight_decay": 0.01,
            "max_epochs": 6,
        },
    ),
}


def find_model(name: str) -> ModelEntry:
    """Return the registry entry of a network.

    Parameters
    ----------
    name : str
        A key of `MODELS`.

    Returns
    -------
    ModelEntry
        How to build it and what it eats.

    Raises
    ------
    SettingsError
        If there is no such network; the message names those there are.
    """
    if name not in MODELS:
        near = difflib.get_close_matches(name, MODELS, n=1)
        hint = f"did you mean {near[0]!r}? " if near else ""
        raise SettingsError(
            f"[models] names: unknown network {name!r}; {hint}known are "
            f"{', '.join(sorted(MODELS))}; edit the preset"
        )
    return MODELS[name]


def recipe_of(name: str, settings: ModelsSettings) -> ModelsSettings:
    """Return how one network is trained.

    Parameters
    ----------
    name : str
        A key of `MODELS`.
    settings : ModelsSettings
        The section; its `recipes` win over the registry's recipe, and that over the section.

    Returns
    -------
    ModelsSettings
        With `names` of this network alone and no `recipes`.

    Raises
    ------
    SettingsError
        If there is no such network, or a value is out of range.
    """
    own = {**find_model(name).recipe, **settings.recipes.get(name, {})}
    return replace(settings, names=(name,), recipes={}, **own)


def networks_in_use(preset: Preset) -> set[str]:
    """Return the networks that a preset trains, in stage 7 or under a protocol.

    Parameters
    ----------
    preset : Preset
        Settings.

    Returns
    -------
    set of str
        Keys of the registry; `list_units` refuses names that it does not have.
    """
    return {*preset.models.names, *preset.protocols.models()} & MODELS.keys()
