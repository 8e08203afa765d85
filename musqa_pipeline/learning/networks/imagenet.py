"""Torchvision's networks in that of the paper (paper 001, table IV; VGG19 as its fifth layer).

Inception v3 (Szegedy et al., 2016, arXiv:1512.00567) has 23,834,568 parameters that stay, VGG19
(Simonyan and Zisserman, 2015, arXiv:1409.1556; without batch norms, as in Keras) 143,667,240.
"""

from __future__ import annotations

from typing import Any

from torch import nn

from musqa_pipeline.learning.entry import TrainingSettings
from musqa_pipeline.learning.networks.backbone import (
    BackboneNetwork,
    FrozenBackbone,
    FrozenStemNetwork,
)
from musqa_pipeline.learning.networks.backbone_weights import Published, fill_backbone
from musqa_pipeline.learning.torchvision_ops import need_torchvision

_OPTIONS: dict[str, dict[str, Any]] = {
    "inception_v3": {"aux_logits": False, "transform_input": False},
    "vgg19": {},
}


def build(name: str, settings: TrainingSettings, *, frozen_stem: bool = False) -> nn.Module:
    """Build the paper's network around one of torchvision's, ``inception_v3`` or ``vgg19``.

    289,647 parameters move; 289,281 with `frozen_stem`, an ablation in which the stem stays as it
    was drawn and outputs can be kept. `SettingsError` if torchvision is not installed, or the
    weights cannot be had.
    """
    need_torchvision(name)
    from torchvision.models import get_model, get_model_weights

    network = get_model(name, init_weights=False, **_OPTIONS[name])
    published = Published(name, get_model_weights(name)["IMAGENET1K_V1"])
    fill_backbone(network, published, settings.backbone_weights, seed=settings.seed)
    backbone = FrozenBackbone(network, f"{name} {settings.backbone_weights}")
    kind = FrozenStemNetwork if frozen_stem else BackboneNetwork
    return kind(backbone, settings.backbone_output)
