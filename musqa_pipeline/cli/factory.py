"""`musqa run`, `status`, `report` and `demo`: what makes things launches Dagster jobs."""

from __future__ import annotations

import webbrowser
from enum import StrEnum
from typing import Annotated

import typer

from musqa_pipeline.catalogs.known import list_catalogs
from musqa_pipeline.cli import output
from musqa_pipeline.cli.options import JsonOption, PresetOption
from musqa_pipeline.core.errors import CatalogError, MusqaError
from musqa_pipeline.core.home import Home, home_folder
from musqa_pipeline.core.settings.preset import DEMO_CATALOG
from musqa_pipeline.stages.engine.catalog_choice import chosen_catalogs
from musqa_pipeline.stages.graph import load_preset
from musqa_pipeline.stages.rows import MAIN_STAGES
from musqa_pipeline.storage.stores.opening import open_store

StageName = StrEnum("StageName", {name: name for name in MAIN_STAGES})  # type: ignore[misc]


def run(
    preset: PresetOption = "demo",
    catalog: Annotated[
        list[str] | None,
        typer.Option("--catalog", help="Catalog to make; repeatable. Default: all of the preset."),
    ] = None,
    until: Annotated[
        StageName, typer.Option("--until", help="Last stage to run.")
    ] = StageName.evaluation,  # type: ignore[attr-defined]
    as_json: JsonOption = False,
) -> None:
    """Run the graph: stages 1-4 per catalog, then the joint stages; what is done is skipped."""
    from assets import launch

    home = home_folder()
    settings = load_preset(preset)
    chosen = catalog or chosen_catalogs(home, settings)
    known = [c.name for c in list_catalogs(home)]
    for name in chosen:
        if name not in known:
            raise CatalogError(
                f"catalog {name!r} is unknown; add it with `musqa catalog add DIR --name {name}`, "
                f"or use one of: {', '.join(known) or 'none yet'}"
            )
    if not chosen:
        raise CatalogError(
            f"preset {settings.name} sees no catalog (known: {', '.join(known) or 'none yet'}); "
            "add one with `musqa catalog add DIR`, or choose another preset with --preset"
        )
    reports = launch.run(preset, chosen, until=str(until))
    output.stage_reports(reports, as_json=as_json)
    if not as_json and until == MAIN_STAGES[-1]:
        output.say(f"report: {_report_path(settings.name)}")
    launch.refuse_failed(reports)


def status(preset: PresetOption = "demo", as_json: JsonOption = False) -> None:
    """Show what is done, missing and quarantined, per stage and catalog."""
    from musqa_pipeline.operations.status import stage_status

    home, settings = home_folder(), load_preset(preset)
    rows = stage_status(home, settings)
    columns = ["stage", "catalog", "units", "done", "missing", "quarantined"]
    known = ", ".join(c.name for c in list_catalogs(home)) or "none yet"
    empty = f"preset {settings.name} sees no catalog (known: {known})"
    output.table(rows, columns, as_json=as_json, empty=empty)


def report(
    preset: PresetOption = "demo",
    show: Annotated[bool, typer.Option("--open", help="Open it in a browser.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Say where the newest report is."""
    name = load_preset(preset).name
    store, address = open_store(home_folder()), str(_report_path(name))
    if not store.exists(_report_key(name)):
        raise MusqaError(
            f"no report of preset {preset} yet; make it with `musqa run --preset {preset}`"
        )
    output.emit({"report": address}, address, as_json=as_json)
    if show:
        webbrowser.open(store.local_file(_report_key(name)).as_uri())


def demo(as_json: JsonOption = False) -> None:
    """Run the whole graph on the embedded demo catalog."""
    from assets import launch
    from musqa_pipeline.cli.catalog import write_demo

    write_demo()
    reports = launch.run("demo", [DEMO_CATALOG])
    output.stage_reports(reports, as_json=as_json)
    if not as_json:
        output.next_steps(_report_path("demo"))


def _report_path(preset_name: str) -> Home:
    return home_folder() / _report_key(preset_name)


def _report_key(preset_name: str) -> str:
    return f"reports/{preset_name}/report.html"
