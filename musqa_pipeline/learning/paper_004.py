"""The networks of paper 004, for the registry: NISQA's family, and w2vMOS."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

from musqa_pipeline.learning.entry import (
    CLUSTER,
    InputSpec,
    ModelEntry,
    TrainingSettings,
    build_named,
    loss_named,
)

if TYPE_CHECKING:
    from torch import nn

NISQA_RECIPE: dict[str, Any] = {
    # Of NISQA's published training settings; the rate falls where validation loss stands still.
    "batch_size": 40,
    "learning_rate_factor": 0.1,
    "learning_rate_patience_epochs": 15,
    "max_epochs": 500,
    "stop_patience_epochs": 20,
    "stop_on": "loss_or_correlation",
}
CONVMAXPOOL_RECIPE: dict[str, Any] = {
    # Paper 004, 5: rates that stay, so that the schedule waits for what ends the training.
    "batch_size": 16,
    "body_learning_rate": 1e-4,
    "learning_rate_patience_epochs": 20,
    "plateau_threshold": 0.0,
    "stop_patience_epochs": 20,
}


def _nisqa(
    title: str,
    kind: str,
    error: Literal["square", "absolute"],
    recipe: Mapping[str, Any],
    body: str = "",
) -> ModelEntry:
    """Describe a network of NISQA's family, perhaps with a body that learned before."""
    return ModelEntry(
        title,
        partial(_build_pieces, kind),
        InputSpec(n_frames=1001, n_bands=48, stage="nisqa_mels"),
        error=error,
        recipe=recipe,
        body=body,
        on_request=True,
    )


def _convmaxpool(title: str, body: str = "") -> ModelEntry:
    """Describe ConvMaxPool."""
    return _nisqa(title, "ConvMaxPool", "absolute", CONVMAXPOOL_RECIPE, body)


W2V_MOS_RECIPE: dict[str, Any] = {
    # Paper 004, 5: likewise.
    "batch_size": 4,
    "learning_rate": 1e-4,
    "body_learning_rate": 1e-5,
    "learning_rate_patience_epochs": 20,
    "plateau_threshold": 0.0,
    "stop_patience_epochs": 20,
}


def _w2v_mos(title: str, recipe: Mapping[str, Any] = W2V_MOS_RECIPE) -> ModelEntry:
    """Describe w2vMOS."""
    return ModelEntry(
        title,
        _build_w2v_mos,
        InputSpec(n_frames=160_000, n_bands=1, stage="waveforms"),
        error="absolute",
        recipe=recipe,
        body="wav2vec2",
        on_request=True,
    )


def _build_pieces(kind: str, settings: TrainingSettings) -> nn.Module:
    return build_named("nisqa", kind, settings, piece_hop_frames=settings.piece_hop_frames)


def _build_clustering(settings: TrainingSettings) -> nn.Module:
    sizes: dict[str, int] = json.loads(settings.body_architecture or "{}")
    hop = settings.piece_hop_frames
    return build_named("nisqa", "ClusteringConvMaxPool", settings, piece_hop_frames=hop, **sizes)


def _build_w2v_mos(settings: TrainingSettings) -> nn.Module:
    from musqa_pipeline.learning.networks.w2v_mos import LevelW2vMos
    from musqa_pipeline.learning.pretraining.recipe import Wav2Vec2Architecture
    from musqa_pipeline.learning.pretraining.wav2vec2 import build_body

    return LevelW2vMos(build_body(Wav2Vec2Architecture.of_json(settings.body_architecture or "{}")))


NETWORKS: dict[str, ModelEntry] = {
    "nisqa": _nisqa("NISQA (paper 004)", "Nisqa", "square", NISQA_RECIPE),
    "nisqa_l1": _nisqa("NISQA, L1 loss (paper 004)", "Nisqa", "absolute", NISQA_RECIPE),
    "convmaxpool": _convmaxpool("ConvMaxPool (paper 004)"),
    "convmaxpool_autoencoder": _convmaxpool("ConvMaxPool Autoencoder (paper 004)", "autoencoder"),
    "convmaxpool_degradations": _convmaxpool(
        "ConvMaxPool Degr. Class. (paper 004)", "degradation_classifier"
    ),
    "convmaxpool_dcec": _convmaxpool("ConvMaxPool DCEC (paper 004)", "dcec"),
    "convmaxpool_dcec_mtl": replace(
        _convmaxpool("ConvMaxPool DCEC MTL (paper 004)", "dcec"),
        build=_build_clustering,
        loss=partial(loss_named, "nisqa", "clustered_loss"),
        loss_settings=("cluster_weight",),
        further_targets=(CLUSTER,),
    ),
    "w2v_mos": _w2v_mos("w2vMOS (paper 004)"),
    "w2v_mos_random": _w2v_mos(
        "w2vMOS, weights of chance (control)", W2V_MOS_RECIPE | {"w2v_weights": "random"}
    ),
}
