"""What starts by itself: a sensor for catalogs, a condition for the joint stages, weekly nets.

All are on when the daemon runs. What has arrived and what has moved is the library's to say
(`musqa_pipeline/operations/discovery/`).
"""

import dataclasses
import functools
import json
import operator
import os
import time
import warnings

import dagster as dg

from assets.jobs import JOINT, JOINT_TAG, catalog_job, joint_job
from assets.partitions import catalogs
from assets.reaping import reap_dead_runs
from musqa_pipeline.core.errors import CatalogError
from musqa_pipeline.core.fingerprints import digest
from musqa_pipeline.core.home import home_folder
from musqa_pipeline.core.settings.preset import Preset
from musqa_pipeline.operations.discovery.decision import CatalogState, read_memory, write_memory
from musqa_pipeline.operations.discovery.look import Look, joint_state, look
from musqa_pipeline.operations.discovery.watch import read_watch
from musqa_pipeline.stages.engine.catalog_choice import drawn_catalogs
from musqa_pipeline.stages.graph import load_preset, seen_context
from musqa_pipeline.stages.rows import JOINT_STAGES, STAGE_NAMES

LOOK_EVERY_S = int(os.environ.get("MUSQA_LOOK_EVERY_S") or 30)
FETCH_S = 20.0
"""A look fetches files from prefixes for so long, and goes on at the next one."""
RUNNING = [
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
]


def current_preset() -> Preset:
    """Load the preset that the daemon works for."""
    return load_preset(os.environ.get("MUSQA_PRESET") or "demo")


def look_now(memory: str | None, *, register: bool = True, ask_again: bool = False) -> Look:
    """Look at all catalogs with the clock and the environment of this process."""
    started = time.monotonic()
    return look(
        home_folder(),
        current_preset(),
        read_watch(os.environ),
        read_memory(memory),
        now_s=time.time(),
        go_on=lambda: time.monotonic() - started < FETCH_S,
        register=register,
        ask_again=ask_again,
    )


def request_catalogs(seen: Look, key_prefix: str = "") -> list[dg.RunRequest]:
    """Return a request per catalog whose stages are to run."""
    return [
        dg.RunRequest(
            run_key=key_prefix + sighting.run_key,
            partition_key=sighting.name,
            tags={"musqa/why": sighting.reason, "musqa/preset": current_preset().name},
        )
        for sighting in seen.requested
    ]


@dg.sensor(
    job=catalog_job,
    minimum_interval_seconds=LOOK_EVERY_S,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Catalogs that arrived or changed: each becomes a partition, and its stages run.",
)
def arrivals(context: dg.SensorEvaluationContext) -> dg.SensorResult:
    """Catalogs that arrived or changed; those that are all done become a partition without a run.

    What cannot be used is named here, in the tick's log and as an observation of `tracks`.
    """
    for run_id in reap_dead_runs(context.instance):
        context.log.warning("run %s: the process that executed it died", run_id)
    seen = look_now(context.cursor)
    bad = (CatalogState.REFUSED, CatalogState.GONE)  # said at every look, until somebody mends them
    for sighting in seen.sightings:
        say = context.log.warning if sighting.verdict in bad else context.log.info
        say("%s: %s: %s", sighting.name, sighting.verdict, sighting.reason)
    requests = request_catalogs(seen)
    useful = (CatalogState.REQUEST, CatalogState.KNOWN)
    names = [s.name for s in seen.sightings if s.verdict in useful]
    new = [n for n in names if not context.instance.has_dynamic_partition(str(catalogs.name), n)]
    waiting = [
        f"{s.name}: {s.verdict}: {s.reason}" for s in seen.sightings if s.news or s.verdict in bad
    ]
    return dg.SensorResult(
        run_requests=requests,
        skip_reason=None if requests else "; ".join(waiting) or "nothing new",
        dynamic_partitions_requests=[catalogs.build_add_request(new)] if new else [],
        asset_events=[
            dg.AssetObservation(
                "tracks",
                description=f"{s.name}: {s.reason}",
                partition=s.name,
                metadata={"catalog": s.name, "verdict": str(s.verdict), "reason": s.reason},
            )
            for s in seen.sightings
            if s.news and s.verdict in bad
        ],
        cursor=write_memory(seen.memory),
    )


@dataclasses.dataclass(frozen=True)
class _Seen:
    """What the condition remembers between two looks."""

    asked: str = ""
    """Fingerprint that a run was asked for."""
    last: str = ""
    """Fingerprint at the last look."""
    is_behind: bool = False
    """Whether that one had no report."""
    mark: str = ""
    """What the lake was read under; see `upstream_mark`."""


class JointInputsMoved(dg.AutomationCondition):
    """True while what the joint stages see has no report and was not asked for yet."""

    @property
    def name(self) -> str:
        """How the UI calls it."""
        return "what the joint stages see has moved"

    def evaluate(self, context: dg.AutomationContext) -> dg.AutomationResult:
        """Compare what there is with what was asked for."""
        seen = _Seen(**json.loads(context.cursor)) if context.cursor else _Seen()
        before = context.get_previous_requested_subset(context.key)
        if before is not None and not before.is_empty:
            seen = dataclasses.replace(seen, asked=seen.last)  # the last look led to a run
        preset = current_preset()
        mark = upstream_mark(context.asset_graph_view.instance, preset)
        if mark != seen.mark:
            try:
                now = joint_state(home_folder(), preset)
            except CatalogError:  # the sensor names it
                now = None
            last, is_behind = (now.fingerprint, not now.is_done) if now else ("", False)
            seen = _Seen(seen.asked, last, is_behind, mark)
        moved = seen.is_behind and seen.last != seen.asked
        subset = context.candidate_subset if moved else context.get_empty_subset()
        return dg.AutomationResult(context, subset, cursor=json.dumps(dataclasses.asdict(seen)))


def upstream_mark(instance: dg.DagsterInstance, preset: Preset) -> str:
    """Return what moves when a stage ran here, a catalog or a failure came or went, or a setting.

    While it stands still the lake is not read: that takes seconds for each 10,000 fragments.
    """
    records = instance.get_asset_records([dg.AssetKey(stage) for stage in STAGE_NAMES])
    entries = [record.asset_entry for record in records]
    ran = sorted((e.asset_key.path[-1], e.last_materialization_storage_id) for e in entries)
    return digest([ran, drawn_catalogs(seen_context(home_folder(), preset)), repr(preset)])


def joint_condition(name: str) -> dg.AutomationCondition:
    """Return when a joint asset is made: all of them together, when their inputs moved and rest."""
    condition = dg.AutomationCondition
    if name != JOINT_STAGES[0]:
        return condition.asset_matches(JOINT_STAGES[0], condition.will_be_requested())
    catalogs_run = condition.any_deps_in_progress()
    joint_runs = [condition.asset_matches(one, condition.in_progress()) for one in JOINT_STAGES]
    return JointInputsMoved() & ~catalogs_run & ~functools.reduce(operator.or_, joint_runs)


with warnings.catch_warnings():
    warnings.simplefilter("ignore", category=dg.BetaWarning)
    joint_automation = dg.AutomationConditionSensorDefinition(
        "joint_automation",
        target=JOINT,
        default_status=dg.DefaultSensorStatus.RUNNING,
        minimum_interval_seconds=LOOK_EVERY_S,
        run_tags={JOINT_TAG: "yes"},
        use_user_code_server=True,  # the condition is ours
        description="Dataset, spectrograms, models and evaluation, when what they see has moved.",
    )


@dg.schedule(
    job=catalog_job,
    cron_schedule="0 3 * * 1",
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="All catalogs once a week, whatever the sensor remembers; what is done is skipped.",
)
def weekly_catalogs(context: dg.ScheduleEvaluationContext) -> list[dg.RunRequest]:
    """Every catalog that has arrived, as if it were seen for the first time."""
    key_prefix = f"{context.scheduled_execution_time:%G-W%V}-"
    requests = request_catalogs(look_now(None, ask_again=True), key_prefix)
    names = [request.partition_key for request in requests if request.partition_key]
    context.instance.add_dynamic_partitions(str(catalogs.name), names)
    return requests


@dg.schedule(
    job=joint_job,
    cron_schedule="0 15 * * 1",
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="The joint stages once a week if their report is behind, also after a failure.",
)
def weekly_report(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
    """One run of the joint stages, unless one is under way or there is nothing to do."""
    under_way = dg.RunsFilter(tags={JOINT_TAG: "yes"}, statuses=RUNNING)
    if context.instance.get_runs(under_way, limit=1):
        return dg.SkipReason("a joint run is under way")
    now = joint_state(home_folder(), current_preset())
    if now is None:
        return dg.SkipReason("no catalog of the preset has labels yet")
    if now.is_done:
        return dg.SkipReason("the report is up to date")
    return dg.RunRequest(run_key=f"{context.scheduled_execution_time:%G-W%V}-{now.fingerprint}")
