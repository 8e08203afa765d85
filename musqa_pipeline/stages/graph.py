"""The eight stages in order, and the fingerprints of a preset.

Stages are loaded when they are asked for, so that a command that needs one of them does not pay
for the libraries of all.
"""

from __future__ import annotations

import importlib

from musqa_pipeline.core.home import Home
from musqa_pipeline.core.settings.preset import Preset
from musqa_pipeline.stages.degradations.round_plans import SCORING
from musqa_pipeline.stages.engine.context import Context
from musqa_pipeline.stages.engine.stage import Stage
from musqa_pipeline.storage.lake.lake import Lake
from musqa_pipeline.storage.lake.layout import read_layout

CATALOG_STAGES = ("tracks", "excerpts", "degradations", "labels")
"""Made per catalog."""
JOINT_STAGES = ("dataset", "spectrograms", "models", "evaluation")
"""Made over all catalogs that the preset sees."""
STAGE_NAMES = (*CATALOG_STAGES, *JOINT_STAGES)
JOINT_ORDER = (
    "splits", "dataset", "opinions", "spectrograms", "features", "pairs", "models", "trials",
    "evaluation", "release",
)  # fmt: skip
"""The joint stages with those that are made beside them, each after what it reads."""

_DECLARED_IN = {
    "tracks": "musqa_pipeline.stages.tracks.stage:TRACKS_STAGE",
    "excerpts": "musqa_pipeline.stages.excerpts.stage:EXCERPTS_STAGE",
    "degradations": "musqa_pipeline.stages.degradations.stage:DEGRADATIONS_STAGE",
    "labels": "musqa_pipeline.stages.labels.stage:LABELS_STAGE",
    "splits": "musqa_pipeline.stages.dataset.stage:SPLITS_STAGE",
    "dataset": "musqa_pipeline.stages.dataset.stage:DATASET_STAGE",
    "opinions": "musqa_pipeline.stages.dataset.second_metric.stage:OPINIONS_STAGE",
    "spectrograms": "musqa_pipeline.stages.spectrograms.stage:SPECTROGRAMS_STAGE",
    "features": "musqa_pipeline.stages.spectrograms.features.stage:FEATURES_STAGE",
    "pairs": "musqa_pipeline.stages.spectrograms.pairs.pairs:PAIRS_STAGE",
    "models": "musqa_pipeline.stages.models.stage:MODELS_STAGE",
    "trials": "musqa_pipeline.stages.models.trials.stage:TRIALS_STAGE",
    "evaluation": "musqa_pipeline.stages.evaluation.stage:EVALUATION_STAGE",
    "release": "musqa_pipeline.release.model.stage:RELEASE_STAGE",
}


def get_stage(name: str) -> Stage:
    """Return a stage by name."""
    module, attribute = _DECLARED_IN[name].split(":")
    stage: Stage = getattr(importlib.import_module(module), attribute)
    return stage


def catalog_context(home: Home, preset: Preset, catalog: str | None) -> Context:
    """Return the context of the stages 1-4 for one catalog.

    Raises
    ------
    LakeError
        If the lake is of a later layout. One of an earlier layout is looked at as it is.
    """
    read_layout(Lake(home))
    context = Context(home, preset, catalog, scoring_fingerprint(home, preset))
    return _with_fingerprints(context, CATALOG_STAGES)


def scoring_fingerprint(home: Home, preset: Preset) -> dict[str, str]:
    """Return what `degradations` has to know of `labels`: nothing while the adaptive mode is off.

    What is made then depends on labels, so on everything that can change a label.
    """
    if not preset.adaptive.rounds:
        return {}
    labels = get_stage("labels")
    alone = Context(home, preset, None, dict.fromkeys(labels.upstream, ""))
    return {SCORING: labels.fingerprint(alone)}


def joint_context(home: Home, preset: Preset, inputs: str | None = None) -> Context:
    """Return the context of the stages 5-8, for the catalogs and labels there are now.

    Raises
    ------
    LakeError
        As `catalog_context`.
    """
    from musqa_pipeline.stages.dataset.inputs import joint_inputs

    seen = seen_context(home, preset)
    inputs = joint_inputs(seen) if inputs is None else inputs
    return _with_fingerprints(seen, JOINT_ORDER, {"splits": (inputs,)})


def joint_inputs_now(home: Home, preset: Preset) -> str:
    """Digest what the stages 5-8 see now.

    Raises
    ------
    LakeError
        As `catalog_context`.
    """
    from musqa_pipeline.stages.dataset.inputs import joint_inputs

    return joint_inputs(seen_context(home, preset))


def seen_context(home: Home, preset: Preset) -> Context:
    """Return the context in which a preset's catalogs are looked at together.

    Raises
    ------
    LakeError
        As `catalog_context`.
    """
    return catalog_context(home, preset, None)


def _with_fingerprints(
    context: Context, stages: tuple[str, ...], inputs: dict[str, tuple[str, ...]] | None = None
) -> Context:
    for name in stages:
        fingerprint = get_stage(name).fingerprint(context, inputs=(inputs or {}).get(name, ()))
        context = Context(
            context.home,
            context.preset,
            context.catalog,
            {**context.fingerprints, name: fingerprint},
        )
    return context
