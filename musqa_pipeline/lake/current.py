"""Which units of a shelf are done; on object storage many footers are looked at at a time."""

from __future__ import annotations

from collections.abc import Collection
from concurrent.futures import ThreadPoolExecutor

from musqa_pipeline.lake import fragments
from musqa_pipeline.lake.damaged import settled
from musqa_pipeline.lake.packs import MOVED, Manifest, Packed, packed_units
from musqa_pipeline.lake.shelf import FINGERPRINT_KEY, SUFFIX, Shelf
from musqa_pipeline.lake.store import Store, StoredFile

_FINGERPRINTS: dict[tuple[str, str], bytes | None] = {}
"""By URL and version: an object of one version never changes."""


def current_units(store: Store, shelf: Shelf, wanted: Collection[str] | None = None) -> set[str]:
    """Find the units of a shelf that carry its fingerprint, packed or in files of their own.

    Parameters
    ----------
    store : Store
        Where the lake is.
    shelf : Shelf
        Where to look.
    wanted : collection of str, optional
        Only these units; all when left out.

    Returns
    -------
    set of str
        Unit ids. A damaged file is not current.

    Raises
    ------
    LakeError
        If the store does not answer, or a pack is gone.
    """

    def read(manifest: Manifest) -> tuple[dict[str, Packed], list[StoredFile]]:
        packed = packed_units(store, shelf, manifest) if manifest.packs else {}
        return packed, store.files(manifest.loose_folder(shelf))

    packed, loose = settled(store, shelf, read)
    there = {unit for unit, place in packed.items() if place.fingerprint == shelf.fingerprint}
    files = {file.stem: file for file in loose if file.name.endswith(SUFFIX) and file.name != MOVED}
    asked = [files[unit] for unit in (files if wanted is None else wanted) if unit in files]
    if store.n_readers == 1:
        found = [_read(store, file) for file in asked]
    else:
        with ThreadPoolExecutor(store.n_readers) as threads:
            found = list(threads.map(lambda file: _remembered(store, file), asked))
    mine = shelf.fingerprint.encode()
    there |= {file.stem for file, value in zip(asked, found, strict=True) if value == mine}
    return there if wanted is None else there & set(wanted)


def _read(store: Store, file: StoredFile) -> bytes | None:
    return fragments.footer(store, file.key).get(FINGERPRINT_KEY)


def _remembered(store: Store, file: StoredFile) -> bytes | None:
    place = (store.address(file.key), file.version)
    if place not in _FINGERPRINTS:
        _FINGERPRINTS[place] = _read(store, file)
    return _FINGERPRINTS[place]
