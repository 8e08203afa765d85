"""What lies in a home and is no unit: records, catalogs, weights, reports; each has a digest."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

from musqa_pipeline.catalogs.known import CATALOGS
from musqa_pipeline.core.errors import LakeError
from musqa_pipeline.core.seal_format import State
from musqa_pipeline.operations.maintenance.findings import Finding
from musqa_pipeline.operations.maintenance.places import is_known, is_pack, place_of
from musqa_pipeline.stages.views.publication import DATABASE, PUBLISHED
from musqa_pipeline.stages.views.remote import SCRIPT
from musqa_pipeline.storage.fragments.partition import DAMAGED, LAKE
from musqa_pipeline.storage.lake.layout import LAYOUT_KEY
from musqa_pipeline.storage.stores.store import Store

FOLDERS = (CATALOGS, "cache", "reports", "releases")
"""Folders of a home beside the lake whose files are compared with their digests."""
MADE_ANEW = ("cache/", "reports/", "releases/", SCRIPT)
"""Where files lie that the next run writes again anyhow."""
ALONE = (PUBLISHED, LAYOUT_KEY, DATABASE, SCRIPT)


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
