"""Runs whose process died are reported as failed: nothing else would notice on one machine.

Without it a killed run stays "started" in the UI, keeps its place among those that may run at a
time, and holds up everything that waits for it. Dagster's own launcher cannot ask a run's process
how it does.
"""

import platform

import dagster as dg
import psutil

PROCESS_TAG = "musqa/process"
"""Run tag: host, pid and start time of the process that executes the run."""


def process_tag() -> dict[str, str]:
    """Return the tag that names this process."""
    process = psutil.Process()
    return {PROCESS_TAG: f"{platform.node()}:{process.pid}@{process.create_time()}"}


def reap_dead_runs(instance: dg.DagsterInstance) -> list[str]:
    """Report runs as failed whose process on this machine is gone."""
    under_way = [dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.CANCELING]
    started = instance.get_runs(dg.RunsFilter(statuses=under_way))
    dead = [run for run in started if _is_dead(run.tags.get(PROCESS_TAG, ""))]
    for run in dead:
        instance.report_run_failed(run, "The process that executed this run was killed.")
    return [run.run_id for run in dead]


def _is_dead(tag: str) -> bool:
    """Whether a tag names a process of this machine that is no more."""
    host, _, process = tag.rpartition(":")
    if host != platform.node():
        return False
    pid, _, started = process.partition("@")
    try:
        return abs(psutil.Process(int(pid)).create_time() - float(started)) > 1.0
    except psutil.NoSuchProcess:
        return True
    except ValueError:
        return False
