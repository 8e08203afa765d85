"""Catalogs: named folders of music. Nothing is copied; `catalogs/<name>/catalog.toml` points.

A catalog reader lists what a catalog holds. Readers are a registry: `READERS` maps the `reader`
key of a `catalog.toml` to a function of (folder, column map).
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

from musqa_pipeline.catalog_folder import Entry, Listing, read_folder
from musqa_pipeline.errors import CatalogError
from musqa_pipeline.homes import Home
from musqa_pipeline.lake import open_store
from musqa_pipeline.toml_text import parse_toml

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
READERS: dict[str, Callable[[Path, Mapping[str, str]], Listing]] = {"folder": read_folder}
CATALOGS = "catalogs"
NO_COLUMNS: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True)
class Catalog:
    """A named folder of music, a partition of stages 1-4."""

    name: str
    """Letters, digits, ``_`` and ``-``; also a folder name and a Dagster partition key."""
    folder: Path
    """Absolute."""
    columns: Mapping[str, str] = field(default_factory=dict)
    """Columns of `tracks.csv` to use in place of the standard names."""
    reader: str = "folder"
    """Key of `READERS`."""


def add_catalog(
    home: Home, folder: Path, name: str | None = None, columns: Mapping[str, str] = NO_COLUMNS
) -> Catalog:
    """Make a folder of music known under a name; adding it again updates the column map.

    Parameters
    ----------
    home : Path
        `MUSQA_HOME`.
    folder : Path
        Folder with audio files, at any depth.
    name : str, optional
        The folder's own name, made safe, when left out.
    columns : mapping of str to str
        Columns of `tracks.csv` to use in place of the standard names.

    Returns
    -------
    Catalog
        As stored.

    Raises
    ------
    CatalogError
        If the folder is missing or holds no audio, the name cannot be used or belongs to another
        folder, or `tracks.csv` cannot be used.
    LakeError
        If `home` cannot be written.
    """
    folder = Path(folder).expanduser().absolute()
    if name is None:
        plain = unicodedata.normalize("NFKD", folder.resolve().name)  # é is e and an accent
        plain = "".join(c for c in plain if not unicodedata.combining(c))
        name = re.sub(r"[^A-Za-z0-9_-]+", "-", plain).strip("-_")[:64]
    if not NAME.fullmatch(name):
        raise CatalogError(
            f"catalog name {name!r}: expected letters, digits, - and _, at most 64; choose one "
            "with --name"
        )
    catalog = Catalog(name, folder, dict(columns))
    store, key = open_store(home), _toml_key(name)
    present = store.read_versioned(key)
    if present is not None and (known := load_catalog(home, name)).folder != folder:
        raise CatalogError(
            f"catalog {name!r} is {known.folder} already; choose another name with --name, "
            f"or delete {store.address(key)} first if the music has moved"
        )
    catalog_listing(catalog)
    if not store.commit(key, _to_toml(catalog).encode(), present[1] if present else None):
        raise CatalogError(
            f"catalog {name!r} was added by another process at this moment; look at it with "
            "`musqa catalog list`, and add it again under another name if it is another one"
        )
    return catalog


def list_catalogs(home: Home) -> list[Catalog]:
    """List the catalogs that are known, by name.

    Parameters
    ----------
    home : Path
        `MUSQA_HOME`.

    Returns
    -------
    list of Catalog
        Sorted by name; empty if none was added yet.
    """
    return [load_catalog(home, name) for name in _names(home)]


def load_catalog(home: Home, name: str) -> Catalog:
    """Load a catalog by name.

    Parameters
    ----------
    home : Path
        `MUSQA_HOME`.
    name : str
        As given to `add_catalog`.

    Returns
    -------
    Catalog
        Its folder may have vanished since; `catalog_files` says so.

    Raises
    ------
    CatalogError
        If it is unknown or its `catalog.toml` is damaged.
    """
    store, key = open_store(home), _toml_key(name)
    path = store.address(key)
    if not NAME.fullmatch(name) or not store.exists(key):
        known = ", ".join(_names(home)) or "none"
        raise CatalogError(
            f"catalog {name!r} is unknown (known: {known}); add it with musqa catalog add FOLDER"
        )
    try:
        raw = parse_toml(store.read_bytes(key).decode("utf-8"))
        reader = raw.get("reader", "folder")
        if reader not in READERS:
            raise CatalogError(f"{path}: reader={reader!r}: expected one of {', '.join(READERS)}")
        folder, columns = Path(raw["folder"]), dict(raw.get("columns", {}))
        if not folder.is_absolute():
            raise ValueError(f"folder={raw['folder']!r} is no absolute path")
        if not all(isinstance(text, str) for text in (*columns, *columns.values())):
            raise ValueError(f"columns={columns}: expected names of columns in quotes")
        return Catalog(name, folder, columns, reader)
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise CatalogError(
            f"{path} cannot be used ({type(error).__name__}: {error}); delete it and add the "
            "catalog again"
        ) from error


def catalog_listing(catalog: Catalog) -> Listing:
    """List what a catalog holds, other files counted.

    Parameters
    ----------
    catalog : Catalog
        Which one.

    Returns
    -------
    Listing
        At least one entry.

    Raises
    ------
    CatalogError
        If its folder is gone or unreadable, holds no audio, all its files are gone, or its
        `tracks.csv` cannot be used.
    """
    if not catalog.folder.is_dir():
        what = "is no folder" if catalog.folder.exists() else "does not exist"
        raise CatalogError(
            f"catalog {catalog.name!r}: {catalog.folder} {what}; check the path, or connect the "
            "disk that holds it"
        )
    listing = READERS[catalog.reader](catalog.folder, catalog.columns)
    if not listing.entries:
        raise CatalogError(
            f"catalog {catalog.name!r} is empty: {catalog.folder} holds no audio file "
            f"({listing.n_other_files} others); put WAV, FLAC, MP3 or other audio into it"
        )
    if all(_is_gone(entry.path) for entry in listing.entries):  # a mount that is not mounted
        raise CatalogError(
            f"catalog {catalog.name!r}: none of its {len(listing.entries)} files is in "
            f"{catalog.folder}; connect the disk that holds them, or correct its tracks.csv"
        )
    return listing


def catalog_files(catalog: Catalog) -> list[Entry]:
    """List the audio files of a catalog.

    Parameters
    ----------
    catalog : Catalog
        Which one.

    Returns
    -------
    list of Entry
        Sorted by path; also files that `tracks.csv` names and that are not there.

    Raises
    ------
    CatalogError
        As `catalog_listing`.
    """
    return list(catalog_listing(catalog).entries)


def forget_catalog(home: Home, name: str) -> None:
    """Delete a catalog's `catalog.toml`; neither its music nor what was made of it is touched.

    Parameters
    ----------
    home : Path
        `MUSQA_HOME`.
    name : str
        Which one; nothing happens if it is unknown.

    Raises
    ------
    LakeError
        If `home` cannot be written.
    """
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


def _to_toml(catalog: Catalog) -> str:
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
    if catalog.columns:
        lines += ["", "[columns]"]
        lines += [f"{quoted(k)} = {quoted(v)}" for k, v in sorted(catalog.columns.items())]
    return "\n".join(lines) + "\n"
