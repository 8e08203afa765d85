"""Commands about what starts by itself: what the sensor sees, and old runs."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from musqa_pipeline.cli import output
from musqa_pipeline.cli.options import JsonOption
from musqa_pipeline.core.home import find_checkout

runs_app = typer.Typer(help="Runs in the Dagster instance.", no_args_is_help=True)


def add_partition(catalog: str) -> None:
    """Make a catalog a partition of the Dagster instance, where there is one: in a checkout."""
    if find_checkout() is not None:
        from assets import launch

        launch.add_partition(catalog)


def remove_partition(catalog: str) -> None:
    """Undo `add_partition`."""
    if find_checkout() is not None:
        from assets import launch

        launch.remove_partition(catalog)


def arrivals(
    preset: Annotated[
        str | None, typer.Option("--preset", help="Default: MUSQA_PRESET, or demo.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Show what the sensor sees of each catalog, and why it would or would not start a run."""
    if preset:
        os.environ["MUSQA_PRESET"] = preset
    from assets.upkeep import look_like_the_sensor

    rows = [
        {"name": s.name, "verdict": str(s.verdict), "reason": s.reason, "folder": s.folder}
        for s in look_like_the_sensor().sightings
    ]
    columns = ["name", "verdict", "reason"]
    empty = "no catalogs; drop a folder of music into catalogs/ of MUSQA_HOME"
    output.table(rows, columns, as_json=as_json, empty=empty)


@runs_app.command("prune")
def runs_prune(
    older_than_days: Annotated[
        int, typer.Option("--older-than-days", min=1, help="Of runs that were created before.")
    ] = 180,
    as_json: JsonOption = False,
) -> None:
    """Delete old runs and their events from the Dagster instance; the lake is not touched.

    Runs under way stay, and the last success of each job and catalog.
    """
    from assets.upkeep import prune_runs

    n = prune_runs(older_than_days)
    output.emit({"deleted": n}, f"{n} runs deleted", as_json=as_json)
