"""The graph: one row a stage, and the fingerprints that a preset gives them.

Whatever lists stages derives from `ROWS`: assets and jobs, views and `docs/tables.md`, the sections
of a preset, `musqa run` and `musqa status`. What a row names is loaded when it is asked for.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

from musqa_pipeline.core.home import Home
from musqa_pipeline.core.settings import preset as presets
from musqa_pipeline.core.settings.preset import Preset
from musqa_pipeline.core.tables import Table
from musqa_pipeline.stages.engine.context import Context
from musqa_pipeline.stages.engine.row import Row
from musqa_pipeline.stages.engine.stage import Stage
from musqa_pipeline.storage.lake.lake import Lake
from musqa_pipeline.storage.lake.layout import read_layout

ROWS = (
    Row(
        name="tracks",
        maker="stages.tracks.stage:TRACKS_MAKER",
        table="stages.tracks.table:TRACKS",
        section="tracks",
    ),
    Row(
        name="excerpts",
        maker="stages.excerpts.stage:EXCERPTS_MAKER",
        table="stages.excerpts.table:EXCERPTS",
        upstream=("tracks",),
        section="excerpts",
    ),
    Row(
        name="degradations",
        maker="stages.degradations.stage:DEGRADATIONS_MAKER",
        table="stages.degradations.table:DEGRADATIONS",
        upstream=("excerpts",),
        section="degradations",
    ),
    Row(
        name="labels",
        maker="stages.labels.stage:LABELS_MAKER",
        table="stages.labels.table:LABELS",
        upstream=("degradations", "excerpts"),
        section="labels",
    ),
    Row(
        name="splits",
        maker="stages.dataset.stage:SPLITS_MAKER",
        table="stages.dataset.table:SPLITS",
        joint=True,
        beside="dataset",
        upstream=("tracks", "excerpts"),
        reads=("labels",),
        section="dataset",
    ),
    Row(
        name="segments",
        maker="stages.segments.stage:SEGMENTS_MAKER",
        table="stages.segments.table:SEGMENTS",
        joint=True,
        beside="dataset",
        upstream=("splits",),
        section="gan",
        settings="stages.segments.settings:GanSettings",
    ),
    Row(
        name="dataset",
        maker="stages.dataset.stage:DATASET_MAKER",
        table="stages.dataset.table:DATASET",
        joint=True,
        upstream=("splits", "labels"),
        section="dataset",
    ),
    Row(
        name="opinions",
        maker="stages.dataset.second_metric.stage:OPINIONS_MAKER",
        table="stages.dataset.second_metric.table:OPINIONS",
        joint=True,
        beside="dataset",
        upstream=("dataset",),
        reads=("excerpts", "degradations"),
        section="opinions",
    ),
    Row(
        name="spectrograms",
        maker="stages.spectrograms.stage:SPECTROGRAMS_MAKER",
        table="stages.spectrograms.table:SPECTROGRAMS",
        joint=True,
        upstream=("dataset",),
        reads=("degradations",),
        section="spectrograms",
    ),
    Row(
        name="features",
        maker="stages.spectrograms.features.stage:FEATURES_MAKER",
        table="stages.spectrograms.features.table:FEATURES",
        joint=True,
        beside="spectrograms",
        upstream=("dataset",),
        reads=("degradations",),
    ),
    Row(
        name="pairs",
        maker="stages.spectrograms.pairs.pairs:PAIRS_MAKER",
        table="stages.spectrograms.pairs.table:PAIRS",
        joint=True,
        beside="spectrograms",
        upstream=("dataset",),
        reads=("excerpts", "degradations"),
    ),
    Row(
        name="models",
        maker="stages.models.stage:MODELS_MAKER",
        table="stages.models.table:RUNS",
        joint=True,
        upstream=("dataset",),
        reads=("spectrograms", "features", "pairs", "opinions"),
    ),
    Row(
        name="trials",
        maker="stages.models.trials.stage:TRIALS_MAKER",
        table="stages.models.trials.table:TRIALS",
        joint=True,
        beside="models",
        upstream=("dataset",),
        reads=("spectrograms", "features", "pairs", "opinions"),
    ),
    Row(
        name="gans",
        maker="stages.gans.stage:GANS_MAKER",
        table="stages.gans.table:GANS",
        joint=True,
        beside="models",
        upstream=("splits",),
        reads=("segments",),
    ),
    Row(
        name="gan_scores",
        maker="stages.gan_scores.stage:GAN_SCORES_MAKER",
        table="stages.gan_scores.table:GAN_SCORES",
        joint=True,
        beside="models",
        upstream=("segments",),
        reads=("gans",),
    ),
    Row(
        name="autoencoders",
        maker="stages.autoencoders.stage:AUTOENCODERS_MAKER",
        table="stages.autoencoders.table:AUTOENCODERS",
        joint=True,
        beside="models",
        upstream=("splits",),
        section="representations",
        settings="stages.autoencoders.settings:RepresentationsSettings",
    ),
    Row(
        name="reconstructions",
        maker="stages.reconstructions.stage:RECONSTRUCTIONS_MAKER",
        table="stages.reconstructions.table:RECONSTRUCTIONS",
        joint=True,
        beside="models",
        upstream=("splits",),
        reads=("autoencoders",),
    ),
    Row(
        name="genres",
        maker="stages.genres.stage:GENRES_MAKER",
        table="stages.genres.table:GENRES",
        joint=True,
        beside="models",
        upstream=("splits",),
        reads=("autoencoders",),
    ),
    Row(
        name="evaluation",
        maker="stages.evaluation.stage:EVALUATION_MAKER",
        table="stages.evaluation.table:EVALUATIONS",
        joint=True,
        upstream=("models",),
        reads=("opinions", "features", "spectrograms", "trials"),
        section="evaluation",
    ),
    Row(
        name="release",
        maker="release.model.stage:RELEASE_MAKER",
        table="stages.views.release_table:RELEASE",
        joint=True,
        beside="evaluation",
        upstream=("features",),
        reads=("spectrograms", "trials"),
    ),
)  # each after all that it names
"""The stages, in the order in which they are made."""

CATALOG_STAGES = tuple(row.name for row in ROWS if not row.joint)
"""Made per catalog."""
JOINT_STAGES = tuple(row.name for row in ROWS if row.joint)
"""Made over all catalogs that the preset sees."""
STAGE_NAMES = (*CATALOG_STAGES, *JOINT_STAGES)
MAIN_STAGES = tuple(row.name for row in ROWS if not row.beside)
"""Those that `--until` names; the others are made beside one of them."""


def find_row(name: str) -> Row:
    """Return the row of a stage."""
    return next(row for row in ROWS if row.name == name)


def get_stage(name: str) -> Stage:
    """Return a stage by name."""
    row = find_row(name)
    return Stage(
        name=name,
        table=get_table(row),
        upstream=row.upstream,
        joint=row.joint,
        section=row.section,
        **vars(_load(row.maker)),
    )


def get_table(row: Row) -> Table:
    """Return the table of a stage."""
    table: Table = _load(row.table)
    return table


def _load(place: str) -> Any:
    module, name = place.split(":")
    return getattr(importlib.import_module(f"musqa_pipeline.{module}"), name)


def load_preset(name_or_file: str | Path) -> Preset:
    """Load a preset by name, or from a TOML file, with the sections of all stages.

    Raises SettingsError if there is no such preset, or a key, type or value in it is wrong.
    """
    sections = {row.section: _load(row.settings) for row in ROWS if row.settings}
    return presets.load_preset(name_or_file, sections=sections)


def catalog_context(home: Home, preset: Preset, catalog: str | None) -> Context:
    """Return the context of the stages 1-4 for one catalog.

    Raises LakeError if the lake is of a later layout; an earlier one is looked at as it is.
    """
    read_layout(Lake(home))
    absent = {row.section: _load(row.settings) for row in ROWS if row.settings}
    defaults = {name: kind() for name, kind in absent.items() if name not in preset.further}
    preset = replace(preset, further={**defaults, **preset.further}) if defaults else preset
    context = Context(home, preset, catalog, {}, scoring_fingerprint(home, preset))
    return _with_fingerprints(context, CATALOG_STAGES)


def scoring_fingerprint(home: Home, preset: Preset) -> str:
    """Return what `degradations` has to know of `labels`: nothing while the adaptive mode is off.

    What is made then depends on labels, so on everything that can change a label.
    """
    if not preset.adaptive.rounds:
        return ""
    labels = get_stage("labels")
    return labels.fingerprint(Context(home, preset, None, dict.fromkeys(labels.upstream, "")))


def joint_context(home: Home, preset: Preset, inputs: str | None = None) -> Context:
    """Return the context of the stages 5-8, for the catalogs and labels there are now."""
    from musqa_pipeline.stages.dataset.inputs import joint_inputs

    seen = seen_context(home, preset)
    inputs = joint_inputs(seen) if inputs is None else inputs
    return _with_fingerprints(seen, JOINT_STAGES, {"splits": (inputs,)})


def joint_inputs_now(home: Home, preset: Preset) -> str:
    """Digest what the stages 5-8 see now."""
    from musqa_pipeline.stages.dataset.inputs import joint_inputs

    return joint_inputs(seen_context(home, preset))


def seen_context(home: Home, preset: Preset) -> Context:
    """Return the context in which a preset's catalogs are looked at together."""
    return catalog_context(home, preset, None)


def _with_fingerprints(
    context: Context, stages: Iterable[str], inputs: dict[str, tuple[str, ...]] | None = None
) -> Context:
    for name in stages:
        fingerprint = get_stage(name).fingerprint(context, inputs=(inputs or {}).get(name, ()))
        context = replace(context, fingerprints={**context.fingerprints, name: fingerprint})
    return context
