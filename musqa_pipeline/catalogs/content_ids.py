"""From layout 1 to 2: track units named by modification time are named by content.

A file that is as layout 1 saw it (same size and modification time) is hashed, not decoded: its
rows move to the new name. The joint stages go on knowing such a unit by its former name, so that
nothing of theirs is made again.
"""

from __future__ import annotations

import json

import pyarrow as pa

from musqa_pipeline.catalogs.identity import dated_unit_id, identified_files
from musqa_pipeline.catalogs.known import list_catalogs
from musqa_pipeline.core.errors import CatalogError
from musqa_pipeline.core.home import Home
from musqa_pipeline.storage.fragments import parquet
from musqa_pipeline.storage.fragments.partition import LAKE, Partition
from musqa_pipeline.storage.lake.lake import Lake, partitions
from musqa_pipeline.storage.lake.layout import Migrated, Migration
from musqa_pipeline.storage.lake.reading import all_units

FORMER_IDS_KEY = f"{LAKE}/former-ids.json"


def former_ids(lake: Lake) -> dict[str, dict[str, str]]:
    """Return the names that layout 1 had for units: catalog to present to former unit id."""
    found = lake.store.read_versioned(FORMER_IDS_KEY)
    return {} if found is None else json.loads(found[0])


def migrate_catalog(home: Home, catalog: str) -> Migrated:
    """Give a catalog's track units the names that their files' content has."""
    lake = Lake(home)
    if catalog not in {known.name for known in list_catalogs(home)}:  # removed while it waited
        return Migrated(2, catalog, 0, 0)
    try:
        files = identified_files(home, catalog)
    except CatalogError as error:
        return Migrated(2, catalog, 0, 0, waiting=str(error))
    present_id = {dated_unit_id(entry): unit_id for unit_id, entry in files}
    of_tracks = _partitions_of_tracks(lake, catalog)
    units = {partition: all_units(lake.store, partition) for partition in of_tracks}
    seen = {unit for partition in of_tracks for unit in units[partition] if unit in present_id}
    known = former_ids(lake)
    names = {present_id[unit]: unit for unit in seen if present_id[unit] != unit}
    if names:
        known[catalog] = {**known.get(catalog, {}), **names}
        lake.store.write_bytes(FORMER_IDS_KEY, json.dumps(known, sort_keys=True).encode())
    n_adopted = n_left = 0
    for partition in of_tracks:
        for unit in units[partition]:
            if unit in names.values():
                _rename(lake, partition, unit, present_id[unit])
                n_adopted += partition.stage == "tracks"
            elif unit not in present_id.values():
                n_left += partition.stage == "tracks"
    return Migrated(2, catalog, n_adopted, n_left)


def _partitions_of_tracks(lake: Lake, catalog: str) -> list[Partition]:
    """List the partitions with units of stage 1; quarantine holds those of other stages too."""
    found = [partition for partition in partitions(lake, "tracks") if partition.catalog == catalog]
    refused = [partition.quarantine for partition in found]
    return [partition for pair in zip(refused, found, strict=True) for partition in pair]


def _rename(lake: Lake, partition: Partition, old: str, new: str) -> None:
    key = partition.key(new)
    if not parquet.footer(lake.store, key):
        table = parquet.read_fragment(lake.store, partition.key(old))
        at = table.schema.get_field_index("unit_id")
        ids = pa.array([new] * table.num_rows, table.schema.field(at).type)
        table = table.set_column(at, table.schema.field(at), ids)
        parquet.write_fragment(lake.store, key, table)
    lake.store.move(partition.key(old), partition.retired(old))


def _catalogs(home: Home) -> list[str]:
    """List the catalogs that have tracks."""
    having = {partition.catalog for partition in partitions(Lake(home), "tracks")}
    return [catalog.name for catalog in list_catalogs(home) if catalog.name in having]


CONTENT_IDS = Migration(
    to=2,
    what="tracks are named by their content",
    catalogs=_catalogs,
    migrate=migrate_catalog,
)
