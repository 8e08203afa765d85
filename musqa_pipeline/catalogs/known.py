"""Catalogs: named folders of music. Nothing is copied; `catalogs/<name>/catalog.toml` points.

A catalog reader lists what a catalog holds; the `reader` key of a `catalog.toml` names one of
`catalogs/readers/registry.py`.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from musqa_pipeline.catalogs.folder import Entry, Source
from musqa_pipeline.catalogs.readers.interface import Found
from musqa_pipeline.catalogs.readers.registry import FOLDER, detect_reader, reader_named
from musqa_pipeline.core.errors import CatalogError
from musqa_pipeline.core.home import Home
from musqa_pipeline.core.names import CATALOG_CHARACTERS, RULE, is_name
from musqa_pipeline.core.toml_text import parse_toml
from musqa_pipeline.storage.stores.opening import open_store

CATALOGS = "catalogs"


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


def add_catalog(
    home: Home,
    folder: Path,
    name: str | None = None,
    columns: Mapping[str, str] | None = None,
    *,
    reader: str | None = None,
    follow_links: bool | None = None,
) -> Catalog:
    """Make a folder of music known under a name; adding it again updates what is said of it.

    Raises CatalogError if the folder is missing or holds no audio, the name cannot be used or
    belongs to another folder, or `tracks.csv` cannot be used.
    """
    folder = Path(folder).expanduser().absolute()
    if name is None:
        own = folder.stem if folder.is_file() else folder.resolve().name
        plain = unicodedata.normalize("NFKD", own)  # é is e and an accent
        plain = "".join(c for c in plain if not unicodedata.combining(c))
        name = re.sub(r"[^A-Za-z0-9_-]+", "-", plain).strip("-_")[:64]
    if not is_name(name):
        raise CatalogError(
            f"catalog name {name!r}: expected {RULE} {CATALOG_CHARACTERS}; choose one with --name"
        )
    store, key = open_store(home), _toml_key(name)
    present = store.read_versioned(key)
    known = load_catalog(home, name) if present is not None else None
    if known is not None and known.folder.resolve() == folder.resolve():
        folder = known.folder  # however it is spelled, and by which links it is reached
    elif known is not None:
        raise CatalogError(
            f"catalog {name!r} is {known.folder} already; choose another name with --name, "
            f"or delete {store.address(key)} first if the music has moved"
        )
    if reader is None:
        detected = FOLDER if columns and folder.is_dir() else detect_reader(folder)
        reader = known.reader if known is not None else detected
    if follow_links is None:
        follow_links = known is not None and known.follow_links
    catalog = Catalog(name, folder, dict(columns or {}), reader, follow_links)
    catalog_found(catalog)
    if not store.commit(key, to_toml(catalog).encode(), present[1] if present else None):
        raise CatalogError(
            f"catalog {name!r} was added by another process at this moment; look at it with "
            "`musqa catalog list`, and add it again under another name if it is another one"
        )
    return catalog


def list_catalogs(home: Home) -> list[Catalog]:
    """List the catalogs that are known, by name."""
    return [load_catalog(home, name) for name in _names(home)]


def load_catalog(home: Home, name: str) -> Catalog:
    """Load a catalog by name.

    Raises CatalogError if it is unknown or its `catalog.toml` is damaged.
    """
    store, key = open_store(home), _toml_key(name)
    path = store.address(key)
    if not is_name(name) or not store.exists(key):
        known = ", ".join(_names(home)) or "none"
        raise CatalogError(
            f"catalog {name!r} is unknown (known: {known}); add it with musqa catalog add FOLDER"
        )
    try:
        text = store.read_bytes(key).decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise unusable(path, error) from error
    return from_toml(name, text, path)


def source_of(catalog: Catalog) -> Source:
    """Return what the reader of a catalog is given."""
    of_file = reader_named(catalog.reader).of_file
    if not (catalog.folder.is_file() if of_file else catalog.folder.is_dir()):
        kind = "file" if of_file else "folder"
        what = f"is no {kind}" if catalog.folder.exists() else "does not exist"
        raise CatalogError(
            f"catalog {catalog.name!r}: {catalog.folder} {what}; check the path, or connect the "
            "disk that holds it"
        )
    return Source(catalog.folder, catalog.columns, catalog.follow_links)


def catalog_found(catalog: Catalog) -> Found:
    """List what a catalog holds, and how it differs from what its dataset says of itself.

    Raises CatalogError if its folder is gone or unreadable, holds no audio, all its files are gone,
    or its `tracks.csv` cannot be used.
    """
    found = reader_named(catalog.reader).read(source_of(catalog))
    if not found.listing.entries:
        said = "".join(f"; {difference}" for difference in found.differences)
        raise CatalogError(
            f"catalog {catalog.name!r} is empty: {catalog.folder} holds no audio file "
            f"({found.listing.n_other_files} others){said}; put WAV, FLAC, MP3 or other audio "
            "into it"
        )
    entries = found.listing.entries
    if all(_is_gone(entry.path) for entry in entries):  # a mount that is not mounted
        raise CatalogError(
            f"catalog {catalog.name!r}: none of its {len(entries)} files is in "
            f"{catalog.folder}; connect the disk that holds them, or correct its tracks.csv"
        )
    return found


def catalog_files(catalog: Catalog) -> list[Entry]:
    """List the audio files of a catalog; raises as `catalog_found`."""
    return list(catalog_found(catalog).listing.entries)


def forget_catalog(home: Home, name: str) -> None:
    """Delete a catalog's `catalog.toml`; neither its music nor what was made of it is touched."""
    open_store(home).delete(_toml_key(name))


def _is_gone(path: Path) -> bool:
    try:
        path.stat()
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return False


def _names(home: Home) -> list[str]:
    store = open_store(home)
    return [name for name in store.folders(CATALOGS) if store.exists(_toml_key(name))]


def _toml_key(name: str) -> str:
    return f"{CATALOGS}/{name}/catalog.toml"


def from_toml(name: str, text: str, path: str) -> Catalog:
    """Read a catalog."""
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
