"""`catalog.toml`: what is written of a catalog, and read again with care."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from musqa_pipeline.catalogs.readers.registry import FOLDER, reader_named
from musqa_pipeline.core.errors import CatalogError
from musqa_pipeline.core.toml_text import parse_toml


@dataclass(frozen=True)
class Catalog:
    """A named folder of music, a partition of stages 1-4."""

    name: str
    """Letters, digits, ``_`` and ``-``; also a folder name and a Dagster partition key."""
    folder: Path
    """Absolute."""
    columns: Mapping[str, str] = field(default_factory=dict)
    """Columns of `tracks.csv` to use in place of the standard names."""
    reader: str = FOLDER
    """Name of a catalog reader."""
    follow_links: bool = False
    """Whether links in the folder may lead out of it."""


def from_toml(name: str, text: str, path: str) -> Catalog:
    """Read a catalog.

    Raises CatalogError if the text is damaged, or a value is of a wrong kind.
    """
    try:
        raw = parse_toml(text)
        folder, columns = Path(raw["folder"]), dict(raw.get("columns", {}))
        if not folder.is_absolute():
            raise ValueError(f"folder={raw['folder']!r} is no absolute path")
        if not all(isinstance(name, str) for name in (*columns, *columns.values())):
            raise ValueError(f"columns={columns}: expected names of columns in quotes")
        follow_links = raw.get("follow_links", False)
        if not isinstance(follow_links, bool):
            raise ValueError(f"follow_links={follow_links!r}: expected true or false")
        reader = raw.get("reader", FOLDER)
        return Catalog(name, folder, columns, reader_named(reader).name, follow_links)
    except CatalogError as error:
        raise CatalogError(f"{path}: {error}") from error
    except (KeyError, TypeError, ValueError) as error:
        raise unusable(path, error) from error


def unusable(path: str, error: Exception) -> CatalogError:
    """Build the error of a `catalog.toml` that cannot be used."""
    return CatalogError(
        f"{path} cannot be used ({type(error).__name__}: {error}); delete it and add the "
        "catalog again"
    )


def to_toml(catalog: Catalog) -> str:
    """Write a catalog."""

    def quoted(text: str) -> str:
        try:
            text.encode("utf-8")
        except UnicodeEncodeError as error:
            raise CatalogError(
                f"{text!r} is no UTF-8 text; rename the folder or link to it under another name"
            ) from error
        # JSON's escapes are TOML's too; only DEL is allowed raw in JSON and not in TOML.
        return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007F")

    lines = [f"folder = {quoted(str(catalog.folder))}", f"reader = {quoted(catalog.reader)}"]
    if catalog.follow_links:
        lines.append("follow_links = true")
    if catalog.columns:
        lines += ["", "[columns]"]
        lines += [f"{quoted(k)} = {quoted(v)}" for k, v in sorted(catalog.columns.items())]
    return "\n".join(lines) + "\n"
