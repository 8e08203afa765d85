"""Checks every file of a lake: readable, of its folder's fingerprint, with the content it had.

What is no unit (records, catalogs, weights, reports) has a digest beside it.
A run may go on meanwhile: what vanishes while it is looked at was moved, and is no finding.
"""

from __future__ import annotations

import itertools
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor, as_completed

from musqa_pipeline.catalogs.known import CATALOGS, list_catalogs
from musqa_pipeline.core.errors import CatalogError, LakeError
from musqa_pipeline.core.fingerprints import SHORT
from musqa_pipeline.core.home import Home
from musqa_pipeline.core.progress import StageProgress
from musqa_pipeline.core.seal_format import State
from musqa_pipeline.core.seals import left_alone
from musqa_pipeline.operations.maintenance.file_check import check_file
from musqa_pipeline.operations.maintenance.findings import NOTES, Finding, Looked, Verification
from musqa_pipeline.operations.maintenance.links import broken_links
from musqa_pipeline.operations.maintenance.packed import beside, check_packs, packed_partitions
from musqa_pipeline.operations.maintenance.places import TABLES, Place, is_known, is_pack, place_of
from musqa_pipeline.stages.views.duck import read_published
from musqa_pipeline.stages.views.publication import PUBLISHED
from musqa_pipeline.stages.views.queries import DATABASE
from musqa_pipeline.stages.views.remote import SCRIPT
from musqa_pipeline.storage.fragments import parquet
from musqa_pipeline.storage.fragments.checksum import CHECKSUM_KEY
from musqa_pipeline.storage.fragments.partition import (
    DAMAGED,
    EMPTY_CATALOG,
    FINGERPRINT_KEY,
    LAKE,
    Partition,
)
from musqa_pipeline.storage.lake.lake import Lake
from musqa_pipeline.storage.lake.layout import LAYOUT_KEY, read_layout
from musqa_pipeline.storage.packs.manifest import PACKS, Manifest
from musqa_pipeline.storage.stores.store import Store, StoredFile

READERS = 8
"""Files that are read at a time, at most."""
FOLDERS = (CATALOGS, "cache", "reports", "releases")
"""Folders of a home beside the lake whose files are compared with their digests."""
MADE_ANEW = ("cache/", "reports/", "releases/", SCRIPT)
"""Where files lie that the next run writes again anyhow."""
ALONE = (PUBLISHED, LAYOUT_KEY, DATABASE, SCRIPT)


def verify_lake(home: Home) -> Verification:
    """Look at everything that lies in a lake; nothing is changed."""
    with left_alone():
        return _verify(Lake(home))


def _verify(lake: Lake) -> Verification:
    home = lake.store.home
    keys = sealed_keys(lake.store)
    others = list(check_sealed(lake.store, keys))
    findings = [one for one in others if isinstance(one, Finding)]
    lacking = [one for one in others if isinstance(one, str)]
    catalogs, published = set(lake.store.folders(CATALOGS)), dict[tuple[str, str], str]()
    try:
        catalogs = {catalog.name for catalog in list_catalogs(home)}
        read_layout(lake)
        published = published_fingerprints(home)
    except (CatalogError, LakeError):
        if not findings:  # what is damaged is named already
            raise
    known, todo = {None, EMPTY_CATALOG, *catalogs}, []
    for file in lake.store.walk(LAKE):
        place = place_of(file.key)
        if place is None:
            if not is_known(file.key) and not file.key.startswith(f"{LAKE}/{DAMAGED}/"):
                findings.append(Finding("orphan", file.key, "no stage writes such a file"))
        elif place.attic != DAMAGED:
            todo.append((file, place))
            if not place.attic and place.partition.catalog not in known:
                what = f"catalog {place.partition.catalog} is unknown"
                findings.append(Finding("orphan", file.key, what))
    packed, broken = packed_partitions(lake)
    findings += broken
    strays = {file.key for one in packed.items() for file in beside(lake.store, *one)}
    findings += [
        Finding("orphan", key, "packs took its place, or a kill left it") for key in strays
    ]
    todo = [(file, place) for file, place in todo if file.key not in strays]
    n_packs = sum(len(manifest.packs) for manifest in packed.values())
    for file in lake.store.leftovers(LAKE):
        findings.append(Finding("leftover", file.key, NOTES["leftover"]))
    n_rows = n_unsummed = 0
    with StageProgress("verifying", len(todo) + n_packs) as progress:
        packs = (looked for one in packed.items() for looked in check_packs(lake.store, *one))
        for looked in itertools.chain(packs, _check_all(lake.store, todo, published)):
            findings += looked.findings
            n_rows += looked.rows
            n_unsummed += looked.unsummed
            lacking += filter(None, [looked.undigested])
            progress.advance(looked.rows, failed=bool(looked.findings))
    if published:
        findings += broken_links(home)
    findings += undigested(lacking)
    return Verification(
        n_files=len(todo) + n_packs,
        n_others=len(keys),
        n_rows=n_rows,
        n_bytes=sum(file.size_bytes for file, _ in todo) + _size_of_packs(lake.store, packed),
        n_unsummed=n_unsummed,
        findings=tuple(sorted(findings)),
        undigested=tuple(sorted(lacking)),
    )


def published_fingerprints(home: Home) -> dict[tuple[str, str], str]:
    """Return the whole fingerprints that views show, by stage and their first 12 digits."""
    return {
        (stage, fingerprint[:SHORT]): fingerprint
        for entry in read_published(home)["presets"].values()
        for stage, fingerprint in entry["stages"].items()
    }


def _size_of_packs(store: Store, packed: Mapping[Partition, Manifest]) -> int:
    listed = [file for one in packed for file in store.files(f"{one.folder_key}/{PACKS}")]
    named = {key for manifest in packed.values() for key in manifest.packs}
    return sum(file.size_bytes for file in listed if file.key in named)


def _check_all(
    store: Store,
    todo: Iterable[tuple[StoredFile, Place]],
    published: dict[tuple[str, str], str],
) -> Iterable[Looked]:
    with ThreadPoolExecutor(min(READERS, os.cpu_count() or 1)) as pool:
        futures = [pool.submit(_check, store, file.key, place, published) for file, place in todo]
        for future in as_completed(futures):
            yield future.result()


def _check(store: Store, key: str, place: Place, published: dict[tuple[str, str], str]) -> Looked:
    try:
        with store.lent(key) as path:
            seen = check_file(path)
    except (*parquet.UNREADABLE, LakeError) as error:
        gone = not store.exists(key)
        return Looked(() if gone else (Finding("damaged", key, str(error)),))
    found = []
    footer, schema, said = seen.footer, seen.schema, seen.footer.get(CHECKSUM_KEY, b"").decode()
    if seen.rows != seen.n_said or (place.is_schema and seen.rows):
        found.append(Finding("wrong_rows", key, f"{seen.rows} rows, expected {seen.n_said}"))
    if said and said != seen.checksum:
        found.append(Finding("wrong_checksum", key, "its values are not those that were written"))
    whole = published.get((place.partition.stage, place.partition.fingerprint))
    if not place.is_schema:
        of = footer.get(FINGERPRINT_KEY, b"").decode(errors="replace")
        if of[:SHORT] != place.partition.fingerprint or (whole and of != whole):
            expected = whole or f"{place.partition.fingerprint}…"
            found.append(Finding("wrong_fingerprint", key, f"{of or 'none'}, expected {expected}"))
        if whole and (table := TABLES.get(place.partition.stage)):
            there = dict(zip(schema.names, schema.types, strict=True))
            lacking = [
                column.name
                for column in table.columns
                if there.get(column.name, column.type if column.nullable else None) != column.type
            ]
            if lacking:
                what = f"columns {', '.join(lacking)} are absent or of another type"
                found.append(Finding("wrong_schema", key, what))
    if place.is_record and not found and store.check(key) is State.SEAL:
        found.append(Finding("wrong_digest", key, State.SEAL.value))
    if seen.kind and not found:
        found.append(Finding(seen.kind, key, seen.detail))
    return Looked(
        tuple(found),
        seen.rows,
        unsummed=not said and not place.is_schema,
        undigested="" if seen.has_digest else key,
    )


def sealed_keys(store: Store) -> list[str]:
    """List the files that carry no digest themselves."""
    of_lake = [file.key for file in store.walk(LAKE)]
    beside = [
        key
        for key in of_lake
        if place_of(key) is None
        and is_known(key)
        and not is_pack(key)
        and not key.startswith(f"{LAKE}/{DAMAGED}/")
    ]
    others = [file.key for folder in FOLDERS for file in store.walk(folder)]
    return [*beside, *others, *(key for key in ALONE if store.exists(key))]


def check_sealed(store: Store, keys: Iterable[str]) -> Iterator[Finding | str]:
    """Compare files with the digests that the store keeps of them."""
    for key in keys:
        try:
            state = store.check(key)
        except FileNotFoundError:  # replaced or deleted since it was listed
            continue
        except (OSError, LakeError) as error:
            yield Finding("damaged", key, str(error))
            continue
        if state is State.NONE:
            yield key
        elif state is State.WRONG:
            yield Finding("wrong_bytes", key, state.value)
        elif state is State.SEAL:
            yield Finding("wrong_digest", key, state.value)


def undigested(keys: Iterable[str]) -> list[Finding]:
    """Name the folders whose files have no digest, with how many there are."""
    counted = Counter(key.rpartition("/")[0] or key for key in keys)
    what = "files without a digest of their bytes; `musqa verify --mend` adds it"
    return [Finding("undigested", folder, f"{n} {what}") for folder, n in sorted(counted.items())]
