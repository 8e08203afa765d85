"""The code location: the assets, their checks, two jobs, and what starts them by itself."""

import dagster as dg

from assets import stages
from assets.automation import arrivals, joint_automation, weekly_catalogs, weekly_report
from assets.checks import asset_checks
from assets.jobs import catalog_job, joint_job
from assets.resources import MusqaResource


def build_definitions(musqa: MusqaResource | None = None) -> dg.Definitions:
    """Assemble the graph."""
    return dg.Definitions(
        assets=dg.load_assets_from_package_module(stages),
        asset_checks=asset_checks,
        jobs=[catalog_job, joint_job],
        sensors=[arrivals, joint_automation],
        schedules=[weekly_catalogs, weekly_report],
        resources={"musqa": musqa or MusqaResource()},
        # One process for a run: the units of a stage fan out over processes of their own.
        executor=dg.in_process_executor,
    )


defs = build_definitions()
