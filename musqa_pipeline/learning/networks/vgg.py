"""VGG19 in the paper's network (paper 001, table IV with VGG19 as its fifth layer)."""

from __future__ import annotations

from torch import nn

from musqa_pipeline.core.settings.models import ModelsSettings
from musqa_pipeline.learning.networks.backbone import (
    BackboneNetwork,
    FrozenBackbone,
    FrozenStemNetwork,
)
from musqa_pipeline.learning.networks.backbone_weights import Published, fill_backbone
from musqa_pipeline.learning.torchvision_ops import need_torchvision


def build(settings: ModelsSettings) -> nn.Module:
    """Build the paper's network around VGG19 (Simonyan and Zisserman, 2015, arXiv:1409.1556).

    Parameters
    ----------
    settings : ModelsSettings
        With `backbone_weights`, `backbone_output` and the `seed` of random weights.

    Returns
    -------
    nn.Module
        143,667,240 parameters that stay and 289,647 that move. Without batch norms, as in Keras.

    Raises
    ------
    SettingsError
        If torchvision is not installed, or the weights cannot be had.
    """
    return BackboneNetwork(_backbone(settings), settings.backbone_output)


def build_frozen_stem(settings: ModelsSettings) -> nn.Module:
    """Build the ablation whose stem stays as it was drawn: 289,281 parameters move.

    Parameters
    ----------
    settings : ModelsSettings
        As for `build`.

    Returns
    -------
    nn.Module
        Its outputs can be kept, see `FrozenStemNetwork`.

    Raises
    ------
    SettingsError
        If torchvision is not installed, or the weights cannot be had.
    """
    return FrozenStemNetwork(_backbone(settings), settings.backbone_output)


def _backbone(settings: ModelsSettings) -> FrozenBackbone:
    need_torchvision("vgg19")
    from torchvision.models import VGG19_Weights, vgg19

    network = vgg19(init_weights=False)
    published = Published("vgg19", VGG19_Weights.IMAGENET1K_V1)
    fill_backbone(network, published, settings.backbone_weights, seed=settings.seed)
    return FrozenBackbone(network, f"vgg19 {settings.backbone_weights}")
