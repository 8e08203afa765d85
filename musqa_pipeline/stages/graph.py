"""The graph: the stages that its rows name, and the fingerprints that a preset gives them.

What a row names is loaded when it is asked for.
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
from musqa_pipeline.stages.rows import CATALOG_STAGES, JOINT_STAGES, ROWS, find_row
from musqa_pipeline.storage.lake.lake import Lake
from musqa_pipeline.storage.lake.layout import read_layout


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
