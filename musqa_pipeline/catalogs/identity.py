"""What a file of a catalog is called in the lake: by what it holds, not by when it was written.

The unit id of a track hashes its path in the catalog, the bytes of the file and what `tracks.csv`
says about it. A catalog that is copied, moved or touched keeps all its ids.
"""

from __future__ import annotations

import os
from dataclasses import asdict

from musqa_pipeline.catalogs.file_hashes import Seen, hash_files
from musqa_pipeline.catalogs.folder import Entry
from musqa_pipeline.catalogs.known import catalog_files, load_catalog
from musqa_pipeline.core.fingerprints import digest
from musqa_pipeline.core.home import Home
from musqa_pipeline.storage.stores.opening import open_store

LEADS_OUTSIDE = Seen("leads outside", False)
"""Of what is behind a link out of the catalog's folder: it is not opened."""


def identified_files(home: Home, catalog: str) -> list[tuple[str, Entry]]:
    """List the audio files of a catalog with their unit ids.

    Raises CatalogError if the catalog is unknown, gone or empty.
    """
    entries = catalog_files(load_catalog(home, catalog))
    paths = [entry.path for entry in entries if not entry.leads_outside]
    known = hash_files(open_store(home), cache_key(catalog), paths, f"reading {catalog}")
    return [
        (track_unit_id(entry, known.get(entry.path, LEADS_OUTSIDE)), entry) for entry in entries
    ]


def cache_key(catalog: str) -> str:
    """Return where the hashes of a catalog's files are kept."""
    return f"cache/file-hashes/{catalog}.parquet"


def track_unit_id(entry: Entry, seen: Seen) -> str:
    """Identify a file in its present state."""
    return digest([entry.file, seen.content, *_said_of(entry)])


def dated_unit_id(entry: Entry) -> str:
    """Identify a file as lakes of layout 1 did: by size and modification time."""
    try:
        status = entry.path.stat()
        state: list[int | str] = [status.st_size, status.st_mtime_ns]
        if not os.access(entry.path, os.R_OK):
            state.append("unreadable")
    except OSError as error:
        state = [type(error).__name__]
    return digest([entry.file, *state, *_said_of(entry)])


def _said_of(entry: Entry) -> list[dict[str, object]]:
    """Return what a catalog says of a file; one without ratings keeps the ids that it had."""
    return [dict(entry.metadata), *([asdict(entry.rating)] if entry.rating else [])]
