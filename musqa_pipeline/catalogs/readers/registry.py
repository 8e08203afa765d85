"""All catalog readers, and which of them knows a folder."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from musqa_pipeline.catalogs.folder import TRACKS_CSV
from musqa_pipeline.catalogs.readers import (
    fma,
    folder,
    gtzan,
    listed,
    medleydb,
    musdb18,
    musicnet,
    pmqd,
    vinylset,
)
from musqa_pipeline.catalogs.readers.interface import Reader
from musqa_pipeline.core.errors import CatalogError

FOLDER = "folder"
READERS: Mapping[str, Reader] = MappingProxyType(
    {
        module.READER.name: module.READER
        for module in (folder, listed, fma, gtzan, medleydb, musdb18, musicnet, pmqd, vinylset)
    }
)


def reader_named(name: str) -> Reader:
    """Return a reader by its name."""
    if name not in READERS:
        raise CatalogError(f"reader={name!r}: expected one of {', '.join(READERS)}")
    return READERS[name]


def detect_reader(path: Path) -> str:
    """Tell by its layout which reader knows a folder."""
    if (path / TRACKS_CSV).is_file():
        return FOLDER
    try:
        known = [name for name, reader in READERS.items() if reader.looks_like(path)]
    except OSError:  # what cannot be looked into is for the listing to name
        return FOLDER
    if len(known) > 1:
        raise CatalogError(
            f"{path} looks like {' and '.join(known)}; choose one with --reader, or add the "
            "folders below it one by one"
        )
    return known[0] if known else FOLDER
