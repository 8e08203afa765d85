"""What a stage is, and how its units are made: only the missing ones, each whole, bad ones named.

A stage's module declares a `Maker`, its row in `stages/rows.py` where it stands; together they are
a `Stage`. `run_stage` lists its units, makes the missing ones through a `Fanout`, retires those
whose input is gone, and returns counts. The same function serves the Dagster assets, the command
line and the tests.
"""

from __future__ import annotations

import os
import time
import traceback
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from typing import Any

import pyarrow as pa

from musqa_pipeline.core.errors import MusqaError, StageError, UnfitInputError
from musqa_pipeline.core.fingerprints import stage_fingerprint
from musqa_pipeline.core.progress import ProgressSnapshot, StageProgress, logger
from musqa_pipeline.core.tables import Table
from musqa_pipeline.core.workers.interface import Fanout, Inline, Lost, Needs
from musqa_pipeline.core.workers.signs import Sign
from musqa_pipeline.stages.engine.context import Context
from musqa_pipeline.stages.engine.migrations import bring_forward
from musqa_pipeline.stages.engine.outcomes import Outcome, Tally
from musqa_pipeline.stages.engine.quarantine import QUARANTINE
from musqa_pipeline.stages.engine.run_costs import Ran, record_run
from musqa_pipeline.storage.fragments.partition import Partition
from musqa_pipeline.storage.lake.damaged import set_aside_beside
from musqa_pipeline.storage.lake.lake import restore_units
from musqa_pipeline.storage.lake.layout import stamp_layout
from musqa_pipeline.storage.packs.compaction import compact_after_stage


@dataclass(frozen=True)
class Unit:
    """The smallest thing that is made, stored, skipped and redone as a whole."""

    unit_id: str
    """Changes whenever its input changes; safe as a file name."""
    what: str
    """What a person calls it: a file, an excerpt."""
    plan: Mapping[str, Any] = field(default_factory=dict)
    """What `make` needs beyond the lake; small and picklable."""


@dataclass(frozen=True, kw_only=True)
class Maker:
    """How a stage's units are listed and made."""

    version: int
    """Raised when the meaning of the output changes, not for refactors."""
    tools: tuple[str, ...]
    """Distributions whose version can change the result."""
    units: Callable[[Context], list[Unit]]
    """Lists all units that should exist now."""
    make: Callable[[Context, Unit], pa.Table]
    """Makes one unit, from the lake and the plan alone: no clock, no global chance."""
    inline: bool = False
    """Whether units are made in the calling process (reports)."""
    trains: bool = False
    """Whether units are trainings with a machine to themselves, one at a time."""
    gpu: Callable[[Unit], bool] | None = None
    """Which units want a GPU, wherever it is."""
    also: Callable[[Context], Mapping[str, Any]] | None = None
    """What else belongs to the settings in the fingerprint; often nothing."""
    retires: bool = True
    """Whether units that are no longer listed are moved out of sight."""
    after: Callable[[Context, Unit], object] | None = None
    """Called when a unit is stored, for what it needs no more; a kill may come before it."""
    row_group_rows: Callable[[Context], int] | None = None
    compression: str = "zstd"


@dataclass(frozen=True, kw_only=True)
class Stage(Maker):
    """A stage in its place in the graph."""

    name: str
    table: Table
    upstream: tuple[str, ...] = ()
    """Stages whose fingerprint this one's depends on."""
    joint: bool = False
    """Whether it sees all chosen catalogs together."""
    section: str = ""
    """Section of the preset that is in the fingerprint; none where unit ids say what they need."""

    def fingerprint(self, context: Context, *, inputs: tuple[str, ...] = ()) -> str:
        """Fingerprint of this stage's results; `inputs` digests what a joint stage sees."""
        return stage_fingerprint(
            stage=self.name,
            version=self.version,
            settings={
                **(context.preset.section(self.section) if self.section else {}),
                **(self.also(context) if self.also else {}),
            },
            upstream=[*(context.fingerprints[name] for name in self.upstream), *inputs],
            tools=self.tools,
        )

    def partition(self, context: Context) -> Partition:
        """Return where this stage's units lie."""
        return context.joint_partition(self.name) if self.joint else context.partition(self.name)


@dataclass(frozen=True)
class StageReport:
    """Counts of one run of a stage."""

    stage: str
    catalog: str | None
    units: int
    """Units that exist now."""
    made: int
    """Units made by this run; the others were there."""
    rows: int
    """Rows made by this run."""
    quarantined: int
    """Units in quarantine now."""
    retired: int
    """Units whose input is gone, moved to ``lake/retired``."""
    seconds: float
    cpu_seconds: float
    """CPU time of the units made, over all workers."""
    restored: int = 0
    """Units whose input came back, taken back from ``lake/retired``."""

    def as_dict(self) -> dict[str, Any]:
        """Return the counts as plain values."""
        return asdict(self)


def run_stage(
    stage: Stage,
    context: Context,
    *,
    fanout: Fanout | None = None,
    log: Callable[[str], object] | None = None,
    observer: Callable[[ProgressSnapshot], object] | None = None,
    on_numbers: Callable[[Unit, Mapping[str, Any]], object] | None = None,
) -> StageReport:
    """Make the units of a stage that are missing.

    `on_numbers` takes what units say of themselves while they are made, as a training does at the
    end of each epoch.

    Raises StageError if units failed in a way that is no fault of their input; all are listed, the
    others done; MusqaError if a tool, the lake or the catalog cannot be used.
    """
    started = time.monotonic()
    lake, partition = context.lake, stage.partition(context)
    quarantine = partition.quarantine
    bring_forward(context.home, log or logger.info)
    stamp_layout(lake)
    with lake.lock(partition.lock_name) as held:
        for folder in set_aside_beside(lake.store, partition):
            logger.warning("%s is damaged, set aside and made again", folder)
        units = stage.units(context)
        lake.sweep(partition)
        ids = [unit.unit_id for unit in units]
        retired = lake.retire(partition, ids) if stage.retires else []
        if not stage.joint:
            lake.sweep(quarantine)
            lake.retire(quarantine, ids)
        todo = set(lake.missing(partition, ids))
        restored = [] if stage.joint else restore_units(lake, partition, sorted(todo))
        todo -= set(restored)
        its = replace(context, manifests={})
        # The folder for the units' files stays the same while the partition's lock is held.
        maker = partial(_make_unit, stage, its, lake.make_room(partition, todo))
        lake.keep_readable(partition, stage.table.schema)
        tally = Tally()
        runner = Inline() if stage.inline or fanout is None else fanout
        runner = runner.for_trainings() if stage.trains and todo else runner
        is_quiet = stage.inline or stage.trains  # it tells its own progress
        label = f"{stage.name} {partition.catalog}" if partition.catalog else stage.name
        needs = Needs(stage.tools, lake.token_file(partition.lock_name), stage.gpu)
        shown = StageProgress(
            *(label, len(units), len(units) - len(todo), log),
            bar=not is_quiet,
            observer=None if is_quiet else observer,
        )

        def hear(unit: Unit, sign: Sign) -> None:
            if sign.line:
                (log or logger.info)(sign.line)
            if sign.numbers and on_numbers:
                on_numbers(unit, sign.numbers)

        with shown as progress:
            missing = (unit for unit in units if unit.unit_id in todo)
            for result in runner.map(maker, missing, needs=needs, on_sign=hear):
                outcome = (
                    Outcome(result.task.what, error=result.reason)
                    if isinstance(result, Lost)
                    else result
                )
                held.check()
                tally.add(outcome)
                progress.advance(
                    outcome.rows, refused=outcome.quarantined, failed=bool(outcome.error)
                )
        in_quarantine = 0 if stage.joint else len(lake.done(quarantine))
    report = StageReport(
        stage=stage.name,
        catalog=partition.catalog,
        units=len(units),
        made=len(todo),
        rows=tally.rows,
        quarantined=in_quarantine,
        retired=len(retired),
        restored=len(restored),
        seconds=time.monotonic() - started,
        cpu_seconds=tally.cpu_seconds,
    )
    workers = 1 if isinstance(runner, Inline) else getattr(runner, "n_workers", None)
    ran = Ran(todo, tally.failed, workers, stage.tools)
    record_run(context, partition, report.as_dict(), ran)
    with lake.lock(partition.lock_name):
        compact_after_stage(lake.store, partition)
    if tally.failed:
        listing = "\n".join(tally.listed)
        raise StageError(
            f"{stage.name}: {tally.failed} of {len(todo)} units failed, the others are done; "
            f"run again to retry them, and report what persists:\n{listing}"
        )
    return report


def _make_unit(stage: Stage, context: Context, folder: str, unit: Unit) -> Outcome:
    """Make and store one unit; runs in a worker."""
    lake, partition = context.lake, stage.partition(context)
    cpu_started = _cpu_seconds()
    refusal: UnfitInputError | None = None
    try:
        table = stage.make(context, unit)
    except UnfitInputError as error:
        refusal, table = error, stage.table.from_rows([])
    except MusqaError:
        raise
    except Exception as error:  # one broken unit must not cost the others; all are reported
        where = traceback.extract_tb(error.__traceback__)[-1]
        return Outcome(unit.what, error=f"{type(error).__name__}: {error} ({where.name})")
    quarantine = partition.quarantine
    if refusal is None:
        lake.discard(quarantine, unit.unit_id)
    else:
        row = {
            "stage": stage.name,
            "unit_id": unit.unit_id,
            "file": unit.what,
            "reason": refusal.reason,
            "detail": refusal.detail,
            "advice": refusal.advice,
        }
        # Written before the unit itself: a kill in between redoes the unit.
        lake.write(quarantine, unit.unit_id, QUARANTINE.from_rows([row]))
        if refusal.passing:
            return Outcome(unit.what, quarantined=True)
    lake.write(
        partition,
        unit.unit_id,
        table,
        folder=folder,
        row_group_rows=stage.row_group_rows(context) if stage.row_group_rows else None,
        compression=stage.compression,
    )
    if stage.after:
        stage.after(context, unit)
    return Outcome(
        unit.what, table.num_rows, _cpu_seconds() - cpu_started, quarantined=refusal is not None
    )


def _cpu_seconds() -> float:
    """CPU time of this process and of the programs that it ran and waited for."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system
