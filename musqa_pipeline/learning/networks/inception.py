"""Inception v3 in the paper's network (paper 001, table IV)."""

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
    """Build the paper's network around Inception v3 (Szegedy et al., 2016, arXiv:1512.00567).

    Parameters
    ----------
    settings : ModelsSettings
        With `backbone_weights`, `backbone_output` and the `seed` of random weights.

    Returns
    -------
    nn.Module
        23,834,568 parameters that stay and 289,647 that move.

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
    need_torchvision("inception_v3")
    from torchvision.models import Inception3, Inception_V3_Weights

    network = Inception3(aux_logits=False, transform_input=False, init_weights=False)
    published = Published("inception_v3", Inception_V3_Weights.IMAGENET1K_V1)
    fill_backbone(network, published, settings.backbone_weights, seed=settings.seed)
    return FrozenBackbone(network, f"inception_v3 {settings.backbone_weights}")
