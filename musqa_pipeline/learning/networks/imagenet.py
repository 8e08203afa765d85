"""Torchvision's networks in that of the paper (paper 001, table IV; VGG19 as its fifth layer).

Inception v3 (Szegedy et al., 2016, arXiv:1512.00567) has 23,834,568 parameters that stay, VGG19
(Simonyan and Zisserman, 2015, arXiv:1409.1556; without batch norms, as in Keras) 143,667,240. Their
weights come from torchvision's loader, a file, or chance; nothing is downloaded unless ``[models]
backbone_weights = "imagenet"`` asks for it. Imported networks bring theirs.
"""

from __future__ import annotations

import hashlib
import pickle
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from musqa_pipeline.core.errors import SettingsError, first_line
from musqa_pipeline.core.seeds import derive_seed
from musqa_pipeline.learning.entry import TrainingSettings
from musqa_pipeline.learning.networks.backbone import (
    FROZEN_SEED,
    BackboneNetwork,
    FrozenBackbone,
    FrozenStemNetwork,
    ImportedBackboneNetwork,
)
from musqa_pipeline.learning.torchvision_ops import need_torchvision

_IMAGENET, _RANDOM = "imagenet", "random"
"""What is no path."""
_OPTIONS: dict[str, dict[str, Any]] = {
    "inception_v3": {"aux_logits": False, "transform_input": False},
    "vgg19": {},
}
_TIMEOUT_S = 30.0
"""How long a server may be silent; torch's loader has no limit of its own."""
_MET = (OSError, RuntimeError, ValueError, EOFError, pickle.UnpicklingError)


@dataclass(frozen=True)
class Published:
    """Published weights of a network."""

    network: str
    """Name in torchvision."""
    weights: Any
    """Member of torchvision's enumeration."""

    @property
    def file_name(self) -> str:
        """Name of the file, which ends in the first digits of its hash."""
        return str(self.weights.url).rpartition("/")[2]

    @property
    def sha256_begins(self) -> str:
        """First hexadecimal digits of the file's SHA-256, as published in its name."""
        return Path(self.file_name).stem.rpartition("-")[2]

    @property
    def place(self) -> Path:
        """Where torchvision's loader looks for it, below ``TORCH_HOME``."""
        return Path(torch.hub.get_dir()) / "checkpoints" / self.file_name


def fill_backbone(network: nn.Module, published: Published, wanted: str, *, seed: int) -> None:
    """Give a backbone of torchvision its weights; on the meta device, which holds none, do nothing.

    `published` are those on ImageNet; `wanted` is ``[models] backbone_weights``: ``"imagenet"``,
    ``"random"``, which the seed decides, or the path of a state dictionary. `SettingsError` if the
    weights cannot be had or do not fit.
    """
    if any(tensor.is_meta for tensor in network.state_dict().values()):
        return
    if wanted == _RANDOM:
        _draw(network, derive_seed("models.backbone", seed, published.network))
        return
    path = published.place if wanted == _IMAGENET else Path(wanted).expanduser()
    state = _fetched(published) if wanted == _IMAGENET else _read(path, published)
    # The auxiliary head of Inception serves training alone, and is not built.
    state = {name: tensor for name, tensor in state.items() if not name.startswith("AuxLogits.")}
    try:
        network.load_state_dict(state)
    except (RuntimeError, AttributeError) as error:
        raise SettingsError(
            f"[models] backbone_weights={wanted!r}: {path} does not fit {published.network}; "
            f"expected torchvision's state dictionary, as in {published.file_name}"
        ) from error


def _draw(network: nn.Module, seed: int) -> None:
    """Draw weights that keep the variance of what flows through (He et al., 2015).

    Torchvision's own start of Inception presumes batch norms in training: with stored statistics
    its outputs reach 1e11, softmax has one class and no gradient reaches the stem.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        for layer in network.modules():
            if isinstance(layer, nn.Conv2d | nn.Linear):
                nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
                if layer.bias is not None:
                    nn.init.zeros_(layer.bias)


def _fetched(published: Published) -> Mapping[str, Tensor]:
    """Let torchvision load its file, from disk or from its server."""
    place = published.place
    try:
        with _patience(_TIMEOUT_S):
            state: Mapping[str, Tensor] = published.weights.get_state_dict(
                progress=False, check_hash=True
            )
    except _MET as error:
        raise SettingsError(
            f"[models] backbone_weights='imagenet': cannot load {published.file_name} (published "
            f"SHA-256 begins with {published.sha256_begins}): {first_line(error)}; put the file "
            f"at {place}, or set backbone_weights to its path, or to 'random' for a training that "
            "is no result of the paper's"
        ) from error
    _check_hash(place, published, _IMAGENET)
    return state


def _read(path: Path, published: Published) -> Mapping[str, Tensor]:
    advice = (
        f"expected 'imagenet', 'random' or the path of a state dictionary of {published.network}, "
        f"such as {published.file_name} (published SHA-256 begins with {published.sha256_begins})"
    )
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except _MET as error:
        raise SettingsError(
            f"[models] backbone_weights={str(path)!r}: cannot read it ({first_line(error)}); "
            f"{advice}"
        ) from error
    if not isinstance(state, dict):
        raise SettingsError(
            f"[models] backbone_weights={str(path)!r}: it holds no dictionary; {advice}"
        )
    if path.name == published.file_name:
        _check_hash(path, published, str(path))
    return state


def _check_hash(path: Path, published: Published, wanted: str) -> None:
    """Refuse a file under the published name with other bytes; torch looks at downloads only."""
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if not found.startswith(published.sha256_begins):
        raise SettingsError(
            f"[models] backbone_weights={wanted!r}: {path} has SHA-256 {found[:12]}…, published is "
            f"one that begins with {published.sha256_begins}; delete the file and fetch it again"
        )


@contextmanager
def _patience(timeout_s: float) -> Iterator[None]:
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(timeout_s)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)


def build(name: str, settings: TrainingSettings, *, frozen_stem: bool = False) -> nn.Module:
    """Build the paper's network around one of torchvision's, ``inception_v3`` or ``vgg19``.

    289,647 parameters move; 289,281 with `frozen_stem`, an ablation in which all trainings have
    one stem, which stays as it was drawn, so that outputs can be kept. `SettingsError` if
    torchvision is not installed, or the weights cannot be had.
    """
    need_torchvision(name)
    from torchvision.models import get_model, get_model_weights

    network = get_model(name, init_weights=False, **_OPTIONS[name])
    published = Published(name, get_model_weights(name)["IMAGENET1K_V1"])
    seed = FROZEN_SEED if frozen_stem else settings.seed
    fill_backbone(network, published, settings.backbone_weights, seed=seed)
    backbone = FrozenBackbone(network, f"{name} {settings.backbone_weights}")
    kind = FrozenStemNetwork if frozen_stem else BackboneNetwork
    return kind(backbone, settings.backbone_output)


def build_imported(name: str) -> nn.Module:
    """Build the paper's network around ``inception_v3`` or ``vgg19`` as Keras computes them.

    Its weights are those of torch's start, and are meant to be replaced by a run's.
    `SettingsError` if torchvision is not installed.
    """
    need_torchvision(name)
    from torchvision.models import get_model

    network = get_model(name, init_weights=False, **_OPTIONS[name])
    for path, layer in network.named_modules():
        if path.endswith(".branch_pool"):
            layer.register_forward_pre_hook(_without_padding)
    return ImportedBackboneNetwork(network)


def _without_padding(layer: nn.Module, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    """Take padding out of the means over 3 x 3 that a layer is given.

    At the edges TensorFlow's average poolings take the mean of what is there; torchvision's
    Inception counts zeros beside it.
    """
    (means,) = inputs
    shares = functional.avg_pool2d(torch.ones_like(means[:1, :1]), 3, stride=1, padding=1)
    return (means / shares,)
