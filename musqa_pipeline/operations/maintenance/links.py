"""Whether what the published tables refer to is there: labels to bitstreams, rows to labels."""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa
import pyarrow.compute as pc

from musqa_pipeline.core.errors import LakeError
from musqa_pipeline.core.home import Home
from musqa_pipeline.core.tables import Table
from musqa_pipeline.operations.maintenance.findings import Finding
from musqa_pipeline.stages.dataset.stage import DATASET_UNIT
from musqa_pipeline.stages.degradations.table import DEGRADATIONS
from musqa_pipeline.stages.excerpts.table import EXCERPTS
from musqa_pipeline.stages.labels.table import LABELS
from musqa_pipeline.stages.tracks.table import TRACKS
from musqa_pipeline.stages.views.duck import read_published
from musqa_pipeline.storage.fragments.partition import Partition
from musqa_pipeline.storage.lake.lake import Lake, partitions

_TABLES = {"tracks": TRACKS, "excerpts": EXCERPTS, "degradations": DEGRADATIONS, "labels": LABELS}
_LINKS = (
    ("excerpts", "track_id", "tracks"),
    ("degradations", "excerpt_id", "excerpts"),
    ("labels", "degraded_id", "degradations"),
)
"""A column of one stage that refers to a column of the same name of the stage before."""


def broken_links(home: Home) -> list[Finding]:
    """Find what published results refer to and what is not there, in all presets."""
    lake = Lake(home)
    catalogs = sorted({s.catalog for s in partitions(lake, "tracks") if s.catalog is not None})
    seen: set[tuple[str, ...]] = set()
    found: list[Finding] = []
    for entry in read_published(home)["presets"].values():
        stages = entry["stages"]
        of_stages = tuple(stages.get(stage, "") for stage in _TABLES)
        if of_stages not in seen and all(of_stages):
            seen.add(of_stages)
            for catalog in catalogs:
                found += _of_catalog(lake, stages, catalog)
        if "dataset" in stages and all(of_stages):
            found += _of_dataset(lake, stages)
    return sorted(set(found))


def _of_catalog(lake: Lake, stages: dict[str, str], catalog: str) -> Iterator[Finding]:
    for stage, column, before in _LINKS:
        partition = Partition(stage, stages[stage], catalog)
        referring = _values(lake, partition, column)
        there = _values(lake, Partition(before, stages[before], catalog), column)
        if referring is None or there is None:  # damaged files are findings of their own
            continue
        for value in sorted(referring - there):
            what = f"{stage} of catalog {catalog} refer to {column} {value}"
            yield Finding("missing", Partition(before, stages[before], catalog).folder_key, what)
    made = set(lake.done(Partition("degradations", stages["degradations"], catalog)))
    labels = Partition("labels", stages["labels"], catalog)
    without = made - set(lake.done(labels)) - set(lake.done(labels.quarantine))
    if without:
        what = f"{len(without)} units of degradations have no labels yet"
        yield Finding("unfinished", labels.folder_key, what)


def _of_dataset(lake: Lake, stages: dict[str, str]) -> Iterator[Finding]:
    partition = Partition("dataset", stages["dataset"])
    try:
        rows = lake.read(partition, DATASET_UNIT, ["catalog", "degraded_id"])
    except LakeError as error:
        yield Finding("missing", partition.key(DATASET_UNIT), f"published, and not there: {error}")
        return
    for catalog in sorted(set(rows["catalog"].to_pylist())):
        labels = Partition("labels", stages["labels"], catalog)
        there = _values(lake, labels, "degraded_id")
        chosen = rows.filter(pc.equal(rows["catalog"], pa.scalar(catalog)))
        lost = set(chosen["degraded_id"].to_pylist()) - (there or set())
        # A catalog that was removed since leaves the set at the next run.
        if there is not None and lost and there:
            what = f"{len(lost)} rows of dataset have no label, the first {min(lost)}"
            yield Finding("unfinished", partition.folder_key, f"{what}; run again to renew the set")


def _values(lake: Lake, partition: Partition, column: str) -> set[str] | None:
    table: Table = _TABLES[partition.stage]
    try:
        return set(lake.scan(partition, table.schema, columns=[column])[column].to_pylist())
    except LakeError:
        return None
