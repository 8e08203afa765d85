"""The rounds: make, label, plan the next one from all labels there are, until nothing is short.

`run_stage` stays the only runner. Between two rounds is a barrier: a plan is drawn only when every
unit of the rounds before is labelled or in quarantine, and it is stored whole before anything of
it is made. A kill at any moment therefore leaves a state from which the same plans follow.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace

import pyarrow as pa

from musqa_pipeline.core.errors import StageError
from musqa_pipeline.stages.dataset.adaptive.plan_round import draw_plan
from musqa_pipeline.stages.degradations.round_plans import plan_id, plan_partition, stored_plans
from musqa_pipeline.stages.degradations.round_table import ROUNDS
from musqa_pipeline.stages.degradations.stage import DEGRADATIONS_MAKER, read_excerpt_ids
from musqa_pipeline.stages.engine.context import Context
from musqa_pipeline.stages.engine.stage import StageReport
from musqa_pipeline.stages.labels.stage import LABELS_MAKER

logger = logging.getLogger("musqa_pipeline")
Run = Callable[[str], StageReport]
"""Runs the stage of a name with the caller's fan-out and progress."""


def run_rounds(
    context: Context, run: Run, *, log: Callable[[str], object] = logger.info
) -> StageReport:
    """Make the degraded excerpts of a catalog, round by round where the preset wants rounds."""
    if not context.preset.adaptive.rounds:
        return run("degradations")
    lake, partition = context.lake, plan_partition(context)
    with lake.lock(partition.lock_name):
        lake.sweep(partition)
        lake.keep_readable(partition, ROUNDS.schema)
        report: StageReport | None = None
        while True:
            made, labelled = run("degradations"), run("labels")
            report = _together(report, made, labelled)
            plan = next_plan(context)
            if plan is None:
                return report
            number = plan["round"][0].as_py()
            log(f"round {number} of {context.catalog}: {plan.num_rows:,} cascades planned")


def next_plan(context: Context) -> pa.Table | None:
    """Draw and store the plan of the round after those that are made."""
    lake, partition = context.lake, plan_partition(context)
    excerpt_ids = read_excerpt_ids(context)
    plans = stored_plans(context, excerpt_ids)
    kept = [plan_id(i, excerpt_ids) for i in range(1, len(plans) + 1)]
    lake.retire(partition, kept)
    ended = bool(plans) and plans[-1].num_rows == 0
    if ended or len(plans) == context.preset.adaptive.rounds or not excerpt_ids:
        return None
    round_number = len(plans) + 1
    require_labelled(context, round_number)
    plan = draw_plan(context, round_number)
    lake.write(partition, plan_id(round_number, excerpt_ids), plan)
    return plan if plan.num_rows else None


def require_labelled(context: Context, round_number: int) -> None:
    """Check the barrier before a round."""
    for name, maker in (("degradations", DEGRADATIONS_MAKER), ("labels", LABELS_MAKER)):
        units = {unit.unit_id: unit.what for unit in maker.units(context)}
        missing = context.lake.missing(context.partition(name), units)
        if missing:
            raise StageError(
                f"round {round_number} of catalog {context.catalog} cannot be planned: "
                f"{len(missing)} units of earlier rounds have no {name} yet, for example "
                f"{units[missing[0]]}; run the stages degradations and labels again"
            )


def _together(before: StageReport | None, made: StageReport, labelled: StageReport) -> StageReport:
    """Add a round to the counts of those before."""
    seconds = made.seconds + labelled.seconds
    if before is None:
        return replace(made, seconds=seconds)
    return replace(
        made,
        made=before.made + made.made,
        rows=before.rows + made.rows,
        retired=before.retired + made.retired,
        seconds=before.seconds + seconds,
        cpu_seconds=before.cpu_seconds + made.cpu_seconds,
    )
