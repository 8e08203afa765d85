"""Packs, verify, gc and migration on object storage, as on a disk."""

import pytest

from musqa_pipeline.operations.maintenance.compact import compact_lake
from musqa_pipeline.operations.maintenance.garbage import find_garbage
from musqa_pipeline.operations.maintenance.verify import verify_lake
from musqa_pipeline.stages.engine.migrations import bring_forward
from musqa_pipeline.stages.views.duck import publish, query
from musqa_pipeline.storage.lake.lake import Lake
from musqa_pipeline.storage.packs.manifest import read_manifest
from musqa_pipeline.storage.stores.opening import open_store
from tests.storage.lake.first_lake import first_stages, stages_context, unpack

VIEWS = ("tracks", "excerpts", "degradations", "labels", "quarantine")


@pytest.fixture
def first_remote(remote_home, tmp_path):
    """The lake of the first release, put to object storage; its music stays on the disk."""
    local = unpack(tmp_path)
    store = open_store(remote_home)
    for path in local.rglob("*"):
        if path.is_file():
            store.write_bytes(path.relative_to(local).as_posix(), path.read_bytes())
    return remote_home


@pytest.mark.long
def test_a_lake_is_migrated_packed_checked_and_queried(first_remote):
    store = open_store(first_remote)
    stages = first_stages(store.read_bytes("published.json"))
    context = stages_context(first_remote, stages)
    (migrated,) = bring_forward(first_remote)
    assert (migrated.n_adopted, migrated.n_left) == (3, 0)
    publish(context, ["labels"])
    before = {view: query(first_remote, f"SELECT * FROM {view} ORDER BY ALL") for view in VIEWS}
    done = {
        stage: context.lake.done(context.partition(stage)) for stage in stages if stage in VIEWS
    }
    packed = compact_lake(first_remote)
    assert sum(partition.n_units for partition in packed) == 3 + 2 + 2 + 2
    assert read_manifest(store, context.partition("labels")).superseded == ()
    assert done == {stage: context.lake.done(context.partition(stage)) for stage in done}
    for view in VIEWS:
        assert query(first_remote, f"SELECT * FROM {view} ORDER BY ALL").equals(before[view])
    assert verify_lake(first_remote).errors == ()
    assert find_garbage(first_remote) == []
    unit = done["labels"][0]
    Lake(first_remote).retire(context.partition("labels"), done["labels"][1:])
    publish(context, ["labels"])
    assert unit not in context.lake.done(context.partition("labels"))
    assert query(first_remote, "SELECT count(*) FROM labels").item() == 2
