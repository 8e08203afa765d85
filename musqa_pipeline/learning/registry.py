"""The networks that can be trained: a plain dictionary from name to how to build one.

A new network is one module with an `nn.Module` and one entry in `MODELS`. Nothing here imports
torch until a network is built, so that a preset's names can be checked at no cost.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from musqa_pipeline.core.errors import SettingsError
from musqa_pipeline.learning.entry import (
    PLANNED,
    InputSpec,
    ModelEntry,
    TrainingSettings,
    build_members,
    build_named,
    loss_named,
)
from musqa_pipeline.learning.paper_004 import NETWORKS as OF_PAPER_004

if TYPE_CHECKING:
    from torch import nn


def _build_backbone(name: str, frozen_stem: bool, settings: TrainingSettings) -> nn.Module:
    from musqa_pipeline.learning.networks.imagenet import build

    return build(name, settings, frozen_stem=frozen_stem)


def _build_imported(name: str, settings: TrainingSettings) -> nn.Module:
    from musqa_pipeline.learning.networks.imagenet import build_imported

    return build_imported(name)


def _backbone(title: str, name: str, batch_size: int, *, frozen_stem: bool = False) -> ModelEntry:
    """Describe a network of table IV; batches as in the paper, III.E."""
    return ModelEntry(
        title,
        partial(_build_backbone, name, frozen_stem),
        InputSpec(),
        recipe={"batch_size": batch_size},
        has_backbone=True,
        version=2 if frozen_stem else 1,  # before, each training had a stem of its own
    )


def _of_keras(title: str, name: str, batch_size: int) -> ModelEntry:
    """Describe a network of table IV out of a file of Keras."""
    return ModelEntry(
        f"{title} of Keras (paper 001, table IV)",
        partial(_build_imported, name),
        InputSpec(),
        recipe={"batch_size": batch_size},
        on_request=True,
        needs_import=True,
    )


MUSQA_NET_RECIPE: dict[str, Any] = {
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


DARKENED: dict[str, Any] = {"darkened_fraction": 0.6}
"""As version 1.0 of the release was trained."""
MILDLY_DARKENED = DARKENED | {"darkest_db_per_octave": 7.0}


def _musqa_net(
    title: str, recipe: Mapping[str, Any] = MUSQA_NET_RECIPE, *, kind: str = "", loss: str = ""
) -> ModelEntry:
    """Describe musqa-net, or with a class, a loss or a recipe of its own an ablation of it."""
    ablations = "musqa_net_ablations"
    return ModelEntry(
        title,
        partial(build_members, *(ablations, kind) if kind else ("musqa_net", "MusqaNet")),
        MUSQA_NET_INPUT,
        partial(loss_named, *(ablations, loss) if loss else ("musqa_net", "loss")),
        recipe,
        loss_settings=() if loss else ("darkened_fraction", "darkest_db_per_octave"),
        version=3,  # deaf below -94 dB
    )


INSENET_RECIPE: dict[str, Any] = {
    # With the reference at hand every label counts, of dark or suspect originals too.
    "train_rows": "every",
    "batch_size": 64,
    "learning_rate": 2e-3,
    "learning_rate_schedule": "cosine",
    "warmup_epochs": 1,
    "weight_decay": 0.01,
    "max_epochs": 6,
}


def _insenet(title: str, loss: str = "") -> ModelEntry:
    """Describe the intrusive network, perhaps with a loss of `insenet_augmentation`."""
    return ModelEntry(
        title,
        partial(build_named, "insenet", "InseNet"),
        InputSpec(n_frames=125, n_bands=64, stage="pairs"),
        partial(loss_named, "insenet_augmentation", loss) if loss else None,
        INSENET_RECIPE,
    )


TEACHERS = ("nlpd", "ms_ssim")
"""Metrics that teach beside ViSQOL."""


def _taught(
    title: str, entry: ModelEntry, build: Callable[..., nn.Module], kind: str, loss: str
) -> ModelEntry:
    """Describe a network with more than one teacher, otherwise as it is."""
    return replace(
        entry,
        title=title,
        build=partial(build, "taught", kind, n_teachers=len(TEACHERS)),
        loss=partial(loss_named, "taught", loss),
        loss_settings=(),
        further_targets=TEACHERS,
    )


MODELS: dict[str, ModelEntry] = {
    "musqa_net": _musqa_net("musqa-net"),
    "musqa_net_one_member": _musqa_net(
        "musqa-net, one member (ablation)", MUSQA_NET_RECIPE | {"n_members": 1}
    ),
    "musqa_net_no_augmentation": _musqa_net(
        "musqa-net, no augmentation (ablation)", loss="unaugmented_loss"
    ),
    "musqa_net_darkened": _musqa_net("musqa-net, darkened (ablation)", MUSQA_NET_RECIPE | DARKENED),
    "musqa_net_mildly_darkened": _musqa_net(
        "musqa-net, mildly darkened (ablation)", MUSQA_NET_RECIPE | MILDLY_DARKENED
    ),
    "musqa_net_point": _musqa_net(
        "musqa-net, a point for a distribution (ablation)", loss="point_loss"
    ),
    "musqa_net_no_level": _musqa_net("musqa-net, no absolute level (ablation)", kind="no_level"),
    "musqa_net_coarse": _musqa_net("musqa-net, coarse bands (ablation)", kind="coarse"),
    "musqa_net_divisive": _musqa_net(
        "musqa-net, bands divided by their neighbours (ablation)", kind="divisive"
    ),
    "musqa_net_divisive_learnt": _musqa_net(
        "musqa-net, divided by learnt shares of them (ablation)", kind="divisive_learnt"
    ),
    "musqa_net_taught": _taught(
        "musqa-net, three teachers (ablation)",
        _musqa_net(""),
        build_members,
        "TaughtMusqaNet",
        "taught_musqa_loss",
    ),
    "musqa_net_planned": replace(
        _musqa_net("musqa-net, says what was done (ablation)"),
        build=partial(build_members, "taught", "PlannedMusqaNet"),
        loss=partial(loss_named, "taught", "planned_musqa_loss"),
        loss_settings=(),
        further_targets=PLANNED,
    ),
    "musqa_net_gentle": replace(
        _musqa_net("musqa-net, gentle filters count more (ablation)", loss="gentle_loss"),
        further_targets=PLANNED,
    ),
    "musqa_net_attending": _musqa_net(
        "musqa-net, segments attended to (ablation)", kind="AttendingNet"
    ),
    "musqa_net_ordered": _musqa_net(
        "musqa-net, segments in order (ablation)", kind="OrderedNet", loss="ordered_loss"
    ),
    "insenet_taught": _taught(
        "intrusive, three teachers (ablation)",
        _insenet(""),
        build_named,
        "TaughtInseNet",
        "taught_inse_loss",
    ),
    "cnn1d": ModelEntry(
        "1-D CNN (paper 001, table III)", partial(build_named, "cnn1d", "Cnn1d"), InputSpec()
    ),
    "cnn1d_reversed": ModelEntry(
        "1-D CNN, time reversed (as paper 001 released it)",
        partial(build_named, "cnn1d", "Cnn1dReversed"),
        InputSpec(),
        on_request=True,
    ),
    "inception_v3": _backbone("Inception v3 (paper 001, table IV)", "inception_v3", 64),
    "inception_v3_frozen_stem": _backbone(
        "Inception v3, stem frozen (ablation)", "inception_v3", 64, frozen_stem=True
    ),
    "vgg19": _backbone("VGG19 (paper 001, table IV)", "vgg19", 32),
    "vgg19_frozen_stem": _backbone("VGG19, stem frozen (ablation)", "vgg19", 32, frozen_stem=True),
    "inception_v3_keras": _of_keras("Inception v3", "inception_v3", 64),
    "vgg19_keras": _of_keras("VGG19", "vgg19", 32),
    **OF_PAPER_004,
    "insenet": _insenet("intrusive, after InSE-NET (paper 002)"),
    "insenet_equaliser": _insenet("intrusive, pairs equalised alike (ablation)", "equalised_loss"),
    "insenet_crops": _insenet("intrusive, stretches of pairs (ablation)", "cropped_loss"),
    "insenet_augmented": _insenet("intrusive, equalised stretches (ablation)", "augmented_loss"),
    "insenet_torn": _insenet("intrusive, halves equalised unlike (ablation)", "torn_loss"),
}


def find_model(name: str) -> ModelEntry:
    """Return the registry entry of a network.

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
