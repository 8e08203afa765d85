"""The factory commands: catalogs, runs, status, queries, reports; they launch Dagster jobs."""

from __future__ import annotations

import dataclasses
import webbrowser
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from musqa_pipeline.catalogs.known import add_catalog, catalog_files, catalog_found, list_catalogs
from musqa_pipeline.catalogs.readers.registry import reader_named
from musqa_pipeline.cli import automation, export, output, readers, recipe, upkeep
from musqa_pipeline.cli.options import CsvOption, JsonOption, PresetOption, named_columns, one_form
from musqa_pipeline.core.errors import CatalogError, MusqaError
from musqa_pipeline.core.home import Home, find_checkout, home_folder
from musqa_pipeline.core.progress import logger
from musqa_pipeline.core.settings.preset import DEMO_CATALOG
from musqa_pipeline.stages.engine.catalog_choice import chosen_catalogs
from musqa_pipeline.stages.graph import load_preset
from musqa_pipeline.stages.rows import MAIN_STAGES
from musqa_pipeline.storage.stores.opening import open_store, place_here

StageName = StrEnum("StageName", {name: name for name in MAIN_STAGES})  # type: ignore[misc]
catalog_app = typer.Typer(help="Folders of music that musqa knows.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    """Add the factory's commands to the command line."""
    catalog_app.command("readers")(readers.catalog_readers)
    catalog_app.command("check")(readers.catalog_check)
    catalog_app.command("opinions")(readers.catalog_opinions)
    app.add_typer(catalog_app, name="catalog")
    app.add_typer(recipe.app, name="recipe")
    app.add_typer(automation.runs_app, name="runs")
    app.command("export", help=export.HELP)(export.export)
    commands: tuple[Callable[..., None], ...] = (
        upkeep.verify, upkeep.gc, upkeep.migrate, upkeep.compact, automation.arrivals,
        run, status, query, report, demo, upkeep.costs,
    )  # fmt: skip
    for command in commands:
        app.command(command.__name__)(command)


@catalog_app.command("add")
def catalog_add(
    folder: Annotated[
        Path | None,
        typer.Argument(help="Folder of audio, perhaps with a tracks.csv; or a CSV that lists it."),
    ] = None,
    name: Annotated[str | None, typer.Option("--name", help="Default: the folder's name.")] = None,
    mapping: Annotated[
        list[str] | None,
        typer.Option("--map", help="Column of tracks.csv to use, as recording=COLUMN; repeatable."),
    ] = None,
    reader: Annotated[
        str | None,
        typer.Option("--reader", help="See `musqa catalog readers`. Default: by its layout."),
    ] = None,
    follow_links: Annotated[
        bool | None,
        typer.Option(
            "--follow-links/--no-follow-links", help="Whether links may lead out of the folder."
        ),
    ] = None,
    demo_catalog: Annotated[
        bool, typer.Option("--demo", help="Synthesise the demo catalog and add it.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Add a folder of music as a catalog; nothing is copied."""
    if demo_catalog == (folder is not None):
        raise typer.BadParameter("give a folder, or --demo")
    if demo_catalog:
        catalog = write_demo()
    else:
        assert folder is not None
        columns = named_columns(mapping, "--map", "KEY=COLUMN, as in recording=song")
        catalog = add_catalog(
            *(home_folder(), folder, name, columns), reader=reader, follow_links=follow_links
        )
    if find_checkout() is not None:
        from assets.launch import add_partition

        add_partition(catalog.name)
    found = catalog_found(catalog)
    files = len(found.listing.entries)
    record = {
        "name": catalog.name,
        "folder": str(catalog.folder),
        "files": files,
        "reader": catalog.reader,
        "differences": [str(difference) for difference in found.differences],
    }
    lines = [f"catalog {catalog.name}: {files} files in {catalog.folder}"]
    if catalog.reader not in ("folder", reader):
        lines.append(
            f"read as {reader_named(catalog.reader).title}, by its layout; --reader folder reads "
            "it as any folder"
        )
    lines += record["differences"]
    output.emit(record, "\n".join(lines), as_json=as_json)


@catalog_app.command("remove")
def catalog_remove(
    name: Annotated[str, typer.Argument(help="Name of the catalog.")],
    as_json: JsonOption = False,
) -> None:
    """Take a catalog out: its units are retired, its music is not touched; add it to undo."""
    from musqa_pipeline.operations.catalog_removal import remove_catalog

    removal = remove_catalog(home_folder(), name)
    if find_checkout() is not None:
        from assets.launch import remove_partition

        remove_partition(name)
    text = f"catalog {name} is out: {removal.n_retired} units retired, {removal.folder} as it was"
    if removal.presets:
        text += f"; renew the sets of {', '.join(removal.presets)} with `musqa run`"
    output.emit(dataclasses.asdict(removal), text, as_json=as_json)


@catalog_app.command("equalise")
def catalog_equalise(
    source: Annotated[Path, typer.Argument(help="Folder of music with a tracks.csv.")],
    folder: Annotated[Path, typer.Argument(help="Folder to write the copies to.")],
    copies: Annotated[
        int | None, typer.Option(min=1, help="At most so many, each of another recording.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of the equalisers.")] = 0,
) -> None:
    """Write darker copies of training recordings, for `musqa catalog add`."""
    from musqa_pipeline.catalogs.equalised import write_equalised_catalog

    n = write_equalised_catalog(source, folder, n_copies=copies, seed=seed, log=output.say)
    output.say(f"{n} copies in {folder}; add them with `musqa catalog add {folder}`")


@catalog_app.command("sampled")
def catalog_sampled(
    folder: Annotated[Path, typer.Argument(help="Folder to write the tracks to.")],
    tracks: Annotated[int, typer.Option(min=1, max=1000, help="How many.")] = 400,
    dark_share: Annotated[
        float, typer.Option(min=0, max=1, help="Share whose instruments are dark by nature.")
    ] = 1 / 6,
    sound_font: Annotated[
        Path | None, typer.Option(help="Sound font (.sf2); Debian's FluidR3 GM when left out.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of the pieces.")] = 0,
) -> None:
    """Write music for sampled instruments, for `musqa catalog add`; needs FluidSynth."""
    from musqa_pipeline.catalogs.sampled_music.catalog import write_sampled_catalog

    written = write_sampled_catalog(
        folder, n_tracks=tracks, dark_share=dark_share, sound_font=sound_font, seed=seed,
        log=output.say,
    )  # fmt: skip
    output.say(f"{len(written)} tracks in {folder}; add them with `musqa catalog add {folder}`")


@catalog_app.command("list")
def catalog_list(as_json: JsonOption = False) -> None:
    """List the catalogs."""
    rows = []
    for catalog in list_catalogs(home_folder()):
        row: dict[str, Any] = {
            "name": catalog.name,
            "folder": str(catalog.folder),
            "reader": catalog.reader,
            "files": None,
            "problem": None,
        }
        try:
            row["files"] = len(catalog_files(catalog))
        except CatalogError as error:  # one that is not there must not hide the others
            row["problem"] = str(error)
        rows.append(row)
    columns = ["name", "files", "reader", "folder"]
    output.table(rows, columns, as_json=as_json, empty="no catalogs yet")


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
    output.table(reports, output.REPORT_COLUMNS, as_json=as_json, empty="nothing to do")
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


def query(
    sql: Annotated[str, typer.Argument(help='For example "SELECT count(*) FROM labels".')],
    as_json: JsonOption = False,
    as_csv: CsvOption = False,
) -> None:
    """Query the views of musqa.duckdb."""
    one_form(as_json=as_json, as_csv=as_csv)
    import duckdb

    from musqa_pipeline.stages.views.duck import query as run_query

    try:
        frame = run_query(home_folder(), sql)
    except duckdb.Error as error:
        hint = '`musqa query "SHOW ALL TABLES"` lists the views'
        raise MusqaError(f"query failed: {error}\n{hint}") from error
    if as_csv:
        output.data(output.csv_text(frame), nl=False)
    else:
        output.table(frame.to_dicts(), frame.columns, as_json=as_json, empty="no rows")


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

    write_demo()
    reports = launch.run("demo", [DEMO_CATALOG])
    output.table(reports, output.REPORT_COLUMNS, as_json=as_json, empty="nothing to do")
    if not as_json:
        output.next_steps(_report_path("demo"))


def write_demo() -> Any:
    """Synthesise the demo catalog below `MUSQA_HOME`, or beside it on this machine, and add it."""
    from musqa_pipeline.catalogs.demo_music.catalog import write_demo_catalog, write_sketch

    home = home_folder()
    folder = place_here(home) / "demo-music"
    write_demo_catalog(folder, log=logger.info)
    write_sketch(folder)
    return add_catalog(home, folder, DEMO_CATALOG)


def _report_path(preset_name: str) -> Home:
    return home_folder() / _report_key(preset_name)


def _report_key(preset_name: str) -> str:
    return f"reports/{preset_name}/report.html"
