"""What a person asks of the Dagster instance: what the sensor remembers, and to forget old runs."""

from datetime import UTC, datetime, timedelta

import dagster as dg
from dagster._core.scheduler.instigation import SensorInstigatorData

from assets.automation import arrivals, look_now
from assets.launch import project_instance
from musqa_pipeline.operations.discovery.look import Look

FINISHED = [
    dg.DagsterRunStatus.SUCCESS,
    dg.DagsterRunStatus.FAILURE,
    dg.DagsterRunStatus.CANCELED,
]


def look_like_the_sensor() -> Look:
    """Look at all catalogs with the sensor's memory; nothing is written, fetched or requested."""
    with project_instance() as instance:
        return look_now(_cursor(instance), register=False)


def prune_runs(older_than_days: int) -> int:
    """Delete old runs and their events from the instance; the lake is not touched."""
    with project_instance() as instance:
        before = datetime.now(UTC) - timedelta(days=older_than_days)
        last: dict[tuple[str, str, str], str] = {}
        for run in instance.get_runs(dg.RunsFilter(statuses=[dg.DagsterRunStatus.SUCCESS])):
            last.setdefault(_kind(run), run.run_id)  # the newest comes first
        old = instance.get_runs(dg.RunsFilter(statuses=FINISHED, created_before=before))
        gone = [run.run_id for run in old if run.run_id not in last.values()]
        for run_id in gone:
            instance.delete_run(run_id)
        return len(gone)


def _kind(run: dg.DagsterRun) -> tuple[str, str, str]:
    return (
        run.job_name,
        run.tags.get("dagster/partition", ""),
        ",".join(sorted(key.to_user_string() for key in run.asset_selection or [])),
    )


def _cursor(instance: dg.DagsterInstance) -> str | None:
    """Return the cursor of the sensor's last tick."""
    for state in instance.all_instigator_state():
        data = state.instigator_data
        if state.name == arrivals.name and isinstance(data, SensorInstigatorData):
            return data.cursor
    return None
