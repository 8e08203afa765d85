"""The commands of catalog readers: which there are, and whether a copy of a dataset is whole."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from musqa_pipeline.catalogs.known import load_catalog, source_of
from musqa_pipeline.catalogs.readers.checking import check
from musqa_pipeline.catalogs.readers.interface import Difference, Reader
from musqa_pipeline.catalogs.readers.registry import READERS, reader_named
from musqa_pipeline.cli import output
from musqa_pipeline.cli.options import JsonOption
from musqa_pipeline.core.errors import CatalogError
from musqa_pipeline.core.home import home_folder
from musqa_pipeline.core.progress import logger


def catalog_readers(
    name: Annotated[str | None, typer.Argument(help="One of them, with all that is known.")] = None,
    as_json: JsonOption = False,
) -> None:
    """List the datasets that musqa can read: terms, where to get them, where to put the files."""
    if name is None:
        rows = [_record(reader) for reader in READERS.values()]
        columns = ["reader", "dataset", "files"]
        output.table(rows, columns, as_json=as_json, empty="none")
        if not as_json:
            output.say("\nmusqa catalog readers NAME: terms, citation, and where to get it")
        return
    record = _record(reader_named(name))
    text = "\n".join(f"{key}: {value}" for key, value in record.items() if value)
    output.emit(record, text, as_json=as_json)


def catalog_check(
    name: Annotated[str, typer.Argument(help="A catalog.")],
    hashes: Annotated[
        bool, typer.Option("--hashes/--no-hashes", help="Read files to compare checksums.")
    ] = True,
    show_all: Annotated[bool, typer.Option("--all", help="Name every file.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Compare a catalog with what its dataset says of itself; exit code 1 if it is not whole."""
    catalog = load_catalog(home_folder(), name)
    reader = reader_named(catalog.reader)
    result = check(reader, source_of(catalog), hashes=hashes, log=logger.info)
    record = {
        "catalog": name,
        "reader": reader.name,
        "files": result.n_files,
        "compared": result.n_compared,
        "whole": not result.faults,
        "differences": {d.what: list(d.files) for d in result.differences},
    }
    lines = [f"catalog {name}: {result.n_files:,} files read as {reader.title}"]
    if reader.expects:
        lines.append(f"a whole copy has {reader.expects}")
    lines.append(f"{result.n_compared:,} files compared with published checksums or sizes")
    lines += [_told(difference, show_all=show_all) for difference in result.differences]
    output.emit(record, "\n".join(lines), as_json=as_json)
    if result.faults:
        raise typer.Exit(1)


def catalog_opinions(
    folder: Annotated[Path, typer.Argument(help="Folder of PMQD.")],
    path: Annotated[Path, typer.Argument(help="CSV file to write.")],
) -> None:
    """Write the ratings of PMQD as a table for `musqa listening compare`."""
    from musqa_pipeline.catalogs.readers.pmqd import write_opinions

    if path.exists():
        raise CatalogError(f"{path} exists already; name another file, or delete it first")
    n = write_opinions(folder, path)
    output.say(f"{n} ratings in {path}")


def _record(reader: Reader) -> dict[str, Any]:
    return {
        "reader": reader.name,
        "dataset": reader.title,
        "licence": reader.licence,
        "citation": reader.citation,
        "source": reader.source,
        "files": reader.layout,
        "whole": reader.expects,
        "archives": ", ".join(f"{a.file} {a.algorithm} {a.digest}" for a in reader.archives),
    }


def _told(difference: Difference, *, show_all: bool) -> str:
    if not show_all:
        return str(difference)
    return "\n".join(
        [
            f"{len(difference.files):,} files {difference.what}:",
            *map("  {}".format, difference.files),
        ]
    )
