"""A small real lake with checksums: what the first release wrote, migrated and written again."""

import shutil

import pytest

from musqa_pipeline.operations.maintenance.mend import mend
from musqa_pipeline.operations.maintenance.verify import verify_lake
from musqa_pipeline.stages.engine.migrations import bring_forward
from musqa_pipeline.stages.views.duck import publish
from musqa_pipeline.storage.lake.lake import Lake, partitions
from musqa_pipeline.storage.lake.reading import all_units
from tests.storage.lake.first_lake import first_context, point_to, unpack


@pytest.fixture(scope="session")
def small_lake(tmp_path_factory):
    home = unpack(tmp_path_factory.mktemp("upkeep"))
    bring_forward(home)
    context = first_context(home)
    lake = context.lake
    for short in [partition for partition in partitions(lake) if partition.catalog]:
        stage = "tracks" if short.stage == "quarantine" else short.stage
        partition = context.partition(stage)
        partition = partition.quarantine if short.stage == "quarantine" else partition
        for unit in all_units(lake.store, short):
            lake.write(
                partition, unit, lake.read(partition, unit), row_group_rows=1, compression="none"
            )
    shutil.rmtree(home / "lake" / "retired")
    publish(context, ["labels"])
    mend(home, verify_lake(home))  # what the first release wrote gets digests
    return home


@pytest.fixture
def home(small_lake, tmp_path, monkeypatch):
    """A copy of it for one test."""
    shutil.copytree(small_lake.parent, tmp_path / "copy")
    home = tmp_path / "copy" / "home"
    point_to(home, tmp_path / "copy" / "music")
    Lake(home).store.seal("catalogs/first/catalog.toml")
    monkeypatch.setenv("MUSQA_HOME", str(home))
    monkeypatch.chdir(tmp_path)
    publish(first_context(home), ["labels"])
    return home
