"""Whether what the joint stages see has moved since their report was made."""

from __future__ import annotations

from dataclasses import dataclass

from musqa_pipeline.core.errors import StageError
from musqa_pipeline.core.home import Home
from musqa_pipeline.core.settings.preset import Preset
from musqa_pipeline.stages.engine.catalog_choice import drawn_catalogs
from musqa_pipeline.stages.graph import get_stage, joint_context


@dataclass(frozen=True)
class JointState:
    """What the joint stages would make now, and whether it is there."""

    fingerprint: str
    """Of `evaluation`: it moves with every labelled unit and every setting upstream."""
    is_done: bool
    """Whether the report of exactly this state is in the lake."""


def joint_state(home: Home, preset: Preset) -> JointState | None:
    """Look at what the joint stages see."""
    context = joint_context(home, preset)
    partitions = [context.partition("labels", name) for name in drawn_catalogs(context)]
    if not any(context.lake.done(partition) for partition in partitions):
        return None
    stage = get_stage("evaluation")
    try:
        units = [unit.unit_id for unit in stage.units(context)]
        is_done = not context.lake.missing(stage.partition(context), units)
    except StageError:  # a stage before it has no rows yet
        is_done = False
    return JointState(context.fingerprints["evaluation"], is_done)
