"""Digests for files of early releases, and for records whose values are known to be right."""

from __future__ import annotations

from collections.abc import Collection

from musqa_pipeline.operations.maintenance.file_check import check_file
from musqa_pipeline.operations.maintenance.places import place_of
from musqa_pipeline.storage.fragments import parquet
from musqa_pipeline.storage.fragments.checksum import CHECKSUM_KEY
from musqa_pipeline.storage.fragments.partition import FINGERPRINT_KEY, Partition
from musqa_pipeline.storage.lake.damaged import mend_pack
from musqa_pipeline.storage.packs.manifest import read_manifest
from musqa_pipeline.storage.stores.store import Store


def add_digest(store: Store, key: str, of_packed: Partition | None) -> bool:
    """Give a file a digest of its bytes, once its values are those that its checksum knows."""
    if not store.exists(key):
        return False
    if of_packed is not None:
        mend_pack(store, of_packed, key)  # its units are read, compared, and packed anew
        return key in read_manifest(store, of_packed).packs
    place = place_of(key)
    if place is None:
        store.seal(key)
        return True
    if not _rewrite(store, key):
        return False
    if place.is_record:
        store.seal(key, twice=True)
    return True


def rewrite_record(store: Store, key: str, fingerprints: Collection[str | None]) -> bool:
    """Write a record anew whose values are right and whose other bytes are not."""
    said = parquet.footer(store, key).get(FINGERPRINT_KEY, b"").decode(errors="replace")
    return said in fingerprints and _rewrite(store, key, must_have_checksum=True)


def _rewrite(store: Store, key: str, *, must_have_checksum: bool = False) -> bool:
    with parquet.opened(store, key), store.lent(key) as path:
        seen = check_file(path)
    said = seen.footer.get(CHECKSUM_KEY, b"").decode()
    if (said or must_have_checksum) and said != seen.checksum:
        return False
    parquet.rewrite_fragment(store, key)
    return True
