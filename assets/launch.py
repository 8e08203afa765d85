"""Launches the graph's own jobs from Python, so that `musqa run` is no second pipeline.

Runs show in the UI's list like any other. What a killed run left behind is cleared first.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import dagster as dg

from assets.definitions import build_definitions
from assets.jobs import catalog_job, joint_job
from assets.partitions import catalogs
from assets.reaping import process_tag, reap_dead_runs
from assets.resources import MusqaResource
from musqa_pipeline.catalogs.known import catalog_found, load_catalog
from musqa_pipeline.core.errors import CatalogError, CheckFailedError, MusqaError, StageError
from musqa_pipeline.core.home import home_folder, require_checkout
from musqa_pipeline.core.progress import logger
from musqa_pipeline.stages.dataset.second_metric.stage import wants_opinions
from musqa_pipeline.stages.graph import load_preset
from musqa_pipeline.stages.rows import CATALOG_STAGES, MAIN_STAGES, ROWS
from musqa_pipeline.storage.lake.lake import Lake

PAGES = {"drift": "spectrograms", "promotion": "evaluation", "costs": "evaluation"}
"""The assets that are no stages, and the stage that each is made beside."""
QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
"""A failed run ends in one sentence; its stack traces are in the UI."""


@contextmanager
def project_instance() -> Iterator[dg.DagsterInstance]:
    """Work from the checkout with its Dagster instance; `DAGSTER_HOME` defaults to the checkout."""
    root = require_checkout()
    os.environ.setdefault("MUSQA_HOME", str(home_folder()))
    os.environ.setdefault("DAGSTER_HOME", str(root))
    os.chdir(root)  # dagster.yaml's folders are relative to it
    with dg.DagsterInstance.get() as instance:
        reap_dead_runs(instance)
        yield instance


def add_partition(catalog: str) -> None:
    """Add a catalog as a partition, so that the UI and the command line may name it."""
    with project_instance() as instance:
        instance.add_dynamic_partitions(str(catalogs.name), [catalog])


def remove_partition(catalog: str) -> None:
    """Take a catalog out of the partitions, if it is one; what is known of its runs stays."""
    with project_instance() as instance:
        instance.delete_dynamic_partition(str(catalogs.name), catalog)


def run(preset: str, chosen: list[str], *, until: str = MAIN_STAGES[-1]) -> list[dict[str, Any]]:
    """Execute the stages 1-4 of each catalog, then the joint stages.

    Raises
    ------
    MusqaError
        If a stage failed, no catalog's files are there, or none passes its checks; what was done
        stays done.
    """
    preset = str(Path(preset).absolute()) if preset.endswith(".toml") else preset
    wants_opinions(load_preset(preset))  # what is wrong or absent is said before anything starts
    wanted = assets_until(until)
    definitions = build_definitions(MusqaResource(preset_name=preset))
    reports: list[dict[str, Any]] = []
    with project_instance() as instance, Lake(home_folder()).lock("run", wait=False):
        instance.add_dynamic_partitions(str(catalogs.name), chosen)
        skipped = _unusable(chosen)
        for catalog, why in skipped.items():
            logger.warning(f"skipped, what was made of it before stays in the set: {why}")
            reports.append({"stage": CATALOG_STAGES[0], "catalog": catalog, "skipped": why})
        for catalog in [name for name in chosen if name not in skipped]:
            stages = [s for s in CATALOG_STAGES if s in wanted]
            try:
                reports += _execute(definitions, instance, catalog_job.name, stages, catalog)
            except CheckFailedError as error:
                if len(chosen) == 1:
                    raise
                logger.error(f"{catalog} is kept out of the set, the others go on: {error}")
                reports.append({"stage": "checks", "catalog": catalog, "failed": str(error)})
        stages = [s for s in wanted if s not in CATALOG_STAGES]
        if stages:
            reports += _execute(definitions, instance, joint_job.name, stages, None)
    return reports


def assets_until(last: str) -> list[str]:
    """List the assets up to one of the eight stages, with those that are made beside each."""
    main = MAIN_STAGES[: MAIN_STAGES.index(last) + 1]
    beside = {**{row.name: row.beside or row.name for row in ROWS}, **PAGES}
    return [name for name, stage in beside.items() if stage in main]


def refuse_failed(reports: list[dict[str, Any]]) -> None:
    """End a command whose run went on without some catalogs.

    Raises
    ------
    CheckFailedError
        If a catalog failed a check that blocks; all of them are named.
    """
    failed = [f"{r['catalog']}: {r['failed']}" for r in reports if "failed" in r]
    if failed:
        raise CheckFailedError(f"kept out of the set: {'; '.join(failed)}")


def _unusable(names: list[str]) -> dict[str, str]:
    """Return the catalogs whose files cannot be listed now, with the reason of each."""
    skipped = {}
    for name in names:
        try:
            catalog_found(load_catalog(home_folder(), name))
        except CatalogError as error:
            skipped[name] = str(error)
    if skipped and len(skipped) == len(names):
        raise CatalogError("; ".join(skipped.values()))
    return skipped


def _execute(
    definitions: dg.Definitions,
    instance: dg.DagsterInstance,
    job_name: str,
    stages: list[str],
    catalog: str | None,
) -> list[dict[str, Any]]:
    result = definitions.resolve_job_def(job_name).execute_in_process(
        run_config=QUIET,
        instance=instance,
        partition_key=catalog,
        asset_selection=[dg.AssetKey(stage) for stage in stages],
        tags=process_tag(),
        raise_on_error=False,
    )
    if not result.success:
        raise _reason(result)
    reports: dict[str, dict[str, Any]] = {}
    for event in result.get_asset_materialization_events():
        name = event.asset_key.path[-1]
        stage = PAGES.get(name, name)  # what a page says stands in the report of its stage
        reports.setdefault(stage, {"stage": stage, "catalog": catalog}).update(_values(event))
    return list(reports.values())


def _values(event: dg.DagsterEvent) -> dict[str, Any]:
    metadata = event.materialization.metadata
    return {
        name.removeprefix("dagster/"): value.value
        for name, value in metadata.items()
        if isinstance(value, dg.IntMetadataValue | dg.FloatMetadataValue)
    }


def _reason(result: dg.ExecuteInProcessResult) -> MusqaError:
    """Return the deliberate error behind a failed run, or name the step and the check."""
    for event in result.all_events:
        if event.event_type == dg.DagsterEventType.ASSET_CHECK_EVALUATION:
            evaluation = event.asset_check_evaluation_data
            if not evaluation.passed and evaluation.blocking:
                check, why = evaluation.check_name, evaluation.description
                return CheckFailedError(f"check {check} failed: {why}")
    for event in result.filter_events(lambda e: e.is_step_failure):
        error = event.step_failure_data.error
        while error and error.cls_name not in _OWN_ERRORS and error.cause:
            error = error.cause
        if error and error.cls_name in _OWN_ERRORS:
            return MusqaError(error.message.split(": ", 1)[-1].strip())
        return StageError(f"stage {event.step_key} failed: {error.to_string() if error else '?'}")
    return StageError("the run failed; see it in the UI (`make ui`)")


def _kinds(root: type[MusqaError]) -> set[str]:
    return {root.__name__}.union(*(_kinds(kind) for kind in root.__subclasses__()))


_OWN_ERRORS = _kinds(MusqaError)
