"""`musqa catalog`: folders of music that musqa knows."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from musqa_pipeline.catalogs.known import add_catalog, catalog_files, catalog_found, list_catalogs
from musqa_pipeline.catalogs.readers.registry import reader_named
from musqa_pipeline.cli import output, readers
from musqa_pipeline.cli.automation import add_partition, remove_partition
from musqa_pipeline.cli.options import JsonOption, named_columns, refuse_idle
from musqa_pipeline.core.errors import CatalogError
from musqa_pipeline.core.home import home_folder
from musqa_pipeline.core.progress import logger
from musqa_pipeline.core.settings.preset import DEMO_CATALOG
from musqa_pipeline.storage.stores.opening import place_here

OF_FOLDERS = {
    "name": "--name", "mapping": "--map", "reader": "--reader", "follow_links": "--follow-links",
}  # fmt: skip
"""Options of a folder that is added, by parameter."""
app = typer.Typer(help="Folders of music that musqa knows.", no_args_is_help=True)
app.command("readers")(readers.catalog_readers)
app.command("check")(readers.catalog_check)
app.command("opinions")(readers.catalog_opinions)


@app.command("add")
def catalog_add(
    ctx: typer.Context,
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
        refuse_idle(ctx, OF_FOLDERS, "for a folder alone; --demo knows its own")
    if demo_catalog:
        catalog = write_demo()
    else:
        assert folder is not None
        columns = named_columns(mapping, "--map", "KEY=COLUMN, as in recording=song")
        catalog = add_catalog(
            *(home_folder(), folder, name, columns), reader=reader, follow_links=follow_links
        )
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


@app.command("remove")
def catalog_remove(
    name: Annotated[str, typer.Argument(help="Name of the catalog.")],
    as_json: JsonOption = False,
) -> None:
    """Take a catalog out: its units are retired, its music is not touched; add it to undo."""
    from musqa_pipeline.operations.catalog_removal import remove_catalog

    removal = remove_catalog(home_folder(), name)
    remove_partition(name)
    text = f"catalog {name} is out: {removal.n_retired} units retired, {removal.folder} as it was"
    if removal.presets:
        text += f"; renew the sets of {', '.join(removal.presets)} with `musqa run`"
    output.emit(asdict(removal), text, as_json=as_json)


@app.command("equalise")
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


@app.command("sampled")
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


@app.command("list")
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


def write_demo() -> Any:
    """Synthesise the demo catalog below `MUSQA_HOME`, or beside it on this machine, and add it."""
    from musqa_pipeline.catalogs.demo_music.catalog import write_demo_catalog, write_sketch

    home = home_folder()
    folder = place_here(home) / "demo-music"
    write_demo_catalog(folder, log=logger.info)
    write_sketch(folder)
    return add_catalog(home, folder, DEMO_CATALOG)
