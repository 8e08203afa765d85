"""Stages, views and workers on object storage: killed, resumed, and two at a time."""

import json
import os
import signal
import subprocess
import sys
import time

import duckdb
import pyarrow.parquet as pq
import pytest

from musqa_pipeline.core.errors import LakeError
from musqa_pipeline.core.home import ObjectHome
from musqa_pipeline.core.workers.interface import Needs
from musqa_pipeline.core.workers.local import LocalPool
from musqa_pipeline.operations.maintenance.garbage import clear_garbage, find_garbage
from musqa_pipeline.operations.maintenance.verify import verify_lake
from musqa_pipeline.stages.engine.cluster import sites
from musqa_pipeline.stages.engine.context import Context
from musqa_pipeline.stages.engine.stage import run_stage
from musqa_pipeline.stages.views.duck import publish, query, read_published
from musqa_pipeline.storage.lake.lake import Lake
from musqa_pipeline.storage.stores.opening import _open_bucket, open_store
from tests.storage.stores.toy import DEADLY, N_UNITS, SLOW_S, TOY, toy_context

RUN = """
import sys
from musqa_pipeline.core.home import parse_home
from musqa_pipeline.stages.engine.stage import run_stage
from musqa_pipeline.operations.maintenance.garbage import clear_garbage, find_garbage
from musqa_pipeline.operations.maintenance.verify import verify_lake
from tests.storage.stores.toy import TOY, toy_context
print(run_stage(TOY, toy_context(parse_home(sys.argv[1]))).made)
"""


def start(home):
    return subprocess.Popen(
        [sys.executable, "-c", RUN, str(home)], stdout=subprocess.PIPE, text=True
    )


def content(home):
    store = open_store(home)
    return {file.name: store.read_bytes(file.key) for file in store.walk("lake/labels")}


@pytest.fixture
def undisturbed(remote_home):
    """What a run makes that nothing disturbs, elsewhere on the same storage."""
    home = remote_home / "undisturbed"
    assert run_stage(TOY, toy_context(home)).made == N_UNITS
    return content(home)


def test_a_run_that_was_killed_goes_on_to_the_same_bytes(
    remote_home, undisturbed, monkeypatch, tmp_path
):
    home = remote_home / "killed"
    monkeypatch.setenv(SLOW_S, "0.2")
    with start(home) as run:
        lake, partition = Lake(home), TOY.partition(toy_context(home))
        while len(lake.done(partition)) < 3:
            assert run.poll() is None
            time.sleep(0.05)
        run.send_signal(signal.SIGKILL)
    assert run.returncode == -signal.SIGKILL
    kept = len(lake.done(partition))
    assert 3 <= kept < N_UNITS
    monkeypatch.setenv(SLOW_S, "0")
    assert run_stage(TOY, toy_context(home)).made == N_UNITS - kept
    assert content(home) == undisturbed


def test_a_worker_that_was_killed_costs_its_unit_only(
    remote_home, undisturbed, monkeypatch, tmp_path
):
    home, deadly = remote_home / "worker", tmp_path / "deadly"
    monkeypatch.setenv(DEADLY, str(deadly))
    report = run_stage(TOY, toy_context(home), fanout=LocalPool(2))
    assert deadly.exists()  # the worker did die
    assert report.made == N_UNITS
    assert content(home) == undisturbed


@pytest.mark.parametrize("place", ["disk", "s3"])
def test_two_runs_on_one_lake_share_the_work(place, request, tmp_path, monkeypatch):
    home = tmp_path / "home" if place == "disk" else request.getfixturevalue("remote_home")
    monkeypatch.setenv(SLOW_S, "0.05")
    runs = [start(home), start(home)]
    made = [int(run.communicate(timeout=60)[0]) for run in runs]
    assert [run.returncode for run in runs] == [0, 0]
    assert sorted(made) == [0, N_UNITS]
    assert len(Lake(home).done(TOY.partition(toy_context(home)))) == N_UNITS


def published(home):
    """Let the views show the toy stage, and empty ones beside it."""
    context = toy_context(home)
    names = ("tracks", "excerpts", "degradations", "labels")
    full = Context(home, context.preset, None, {n: context.fingerprints["labels"] for n in names})
    publish(full, [])
    return full


def test_views_are_made_for_a_query_and_written_for_others(remote_home):
    with pytest.raises(LakeError, match=r"s3://lake/.* holds no results yet; run `musqa demo`"):
        query(remote_home, "SELECT 1")
    run_stage(TOY, toy_context(remote_home))
    published(remote_home)
    assert read_published(remote_home)["last"] == "toy"
    sql = "SELECT sum(square) AS s, min(catalog) AS c FROM toy.labels"
    assert query(remote_home, sql).to_dicts() == [
        {"s": sum(n * n for n in range(N_UNITS)), "c": "toys"}
    ]
    assert query(remote_home, "SELECT * FROM quarantine").is_empty()
    with pytest.raises(duckdb.Error, match="no_such_table"):
        query(remote_home, "SELECT * FROM no_such_table")
    script = open_store(remote_home).read_bytes("musqa.sql").decode()
    assert f"{remote_home}/lake/labels/settings=aaaaaaaaaaaa/catalog=*/*.parquet" in script
    assert "CREATE OR REPLACE VIEW" in script
    assert "AKID" not in script


def test_the_lake_is_verified_and_tidied_as_on_a_disk(remote_home, tmp_path):
    context = toy_context(remote_home)
    run_stage(TOY, context)
    published(remote_home)
    store, partition = open_store(remote_home), TOY.partition(context)
    store._bucket.call("create_multipart_upload", partition.key("u00"))
    store.write_bytes(partition.key("u01"), store.read_bytes(partition.key("u01"))[:-9])
    store.write_bytes("lake/stray.txt", b"?")
    found = {(f.kind, f.key.rpartition("/")[2]) for f in verify_lake(remote_home).findings}
    assert ("orphan", "stray.txt") in found
    assert any(kind == "leftover" and name.startswith("u00") for kind, name in found)
    assert any(name == "u01.parquet" for kind, name in found if kind != "orphan")
    (garbage,) = find_garbage(remote_home)  # moto dates all uploads in parts to 2010
    assert garbage.kind == "leftover"
    clear_garbage(remote_home)
    assert store.leftovers("lake") == []
    assert store.exists(partition.key("u00"))


@pytest.mark.long
def test_two_processes_that_publish_at_the_same_time_both_count(remote_home):
    program = (
        "import sys; from musqa_pipeline.core.home import parse_home\n"
        "from musqa_pipeline.stages.engine.context import Context\n"
        "from musqa_pipeline.stages.views.duck import publish\n"
        "from musqa_pipeline.core.settings.preset import Preset\n"
        "names = ('tracks', 'excerpts', 'degradations', 'labels')\n"
        "prints = {n: 'a' * 32 for n in names}\n"
        "home, name = parse_home(sys.argv[1]), sys.argv[2]\n"
        "publish(Context(home, Preset(name=name), None, prints), [])\n"
    )
    runs = [
        subprocess.Popen([sys.executable, "-c", program, str(remote_home), name])
        for name in ("one", "two")
    ]
    assert [run.wait(60) for run in runs] == [0, 0]
    assert set(read_published(remote_home)["presets"]) == {"one", "two"}


def test_workers_elsewhere_know_the_lake_by_a_token(remote_home, storage, monkeypatch):
    monkeypatch.setattr(sites, "SHARED_WITHIN_S", 0.2)
    site = sites.this_site(Needs((), Lake(remote_home).token_file("x")))
    assert json.dumps(site.token_file) == f'"{remote_home}/locks/x.token"'
    assert sites.objection(site) == ""
    sites.objection.cache_clear()
    _open_bucket.cache_clear()
    request_elsewhere = f"{storage.endpoint}/nowhere"
    monkeypatch.setenv("MUSQA_S3_ENDPOINT", request_elsewhere)
    assert "it does not see the lake in bucket 'lake'; give it the same" in sites.objection(site)
    sites.objection.cache_clear()


def test_a_training_goes_on_from_this_machine_or_from_what_was_put(
    remote_home, monkeypatch, tmp_path
):
    def train(epochs, killed=False):
        """Write a checkpoint per epoch, as a training does; say where it began."""
        with open_store(remote_home).work_folder("runs/net") as work:
            path = work.path / "checkpoint.ckpt"
            began = int(path.read_text()) if path.exists() else 0
            for epoch in range(began, epochs):
                path.write_text(str(epoch + 1))
                work.put()
            if killed:
                raise KeyboardInterrupt
            return began

    def elsewhere(name):
        monkeypatch.setenv("MUSQA_SCRATCH", str(tmp_path / name))
        _open_bucket.cache_clear()

    monkeypatch.setattr("musqa_pipeline.storage.stores.local_cache.PUT_EVERY_S", 3600.0)
    with pytest.raises(KeyboardInterrupt):
        train(3, killed=True)
    assert not open_store(remote_home).exists("runs/net/checkpoint.ckpt")
    assert train(4) == 3  # from the scratch folder
    assert open_store(remote_home).read_bytes("runs/net/checkpoint.ckpt") == b"4"
    elsewhere("another machine")
    assert train(5) == 4  # from the storage
    monkeypatch.setattr("musqa_pipeline.storage.stores.local_cache.PUT_EVERY_S", 0.0)
    with pytest.raises(KeyboardInterrupt):
        train(7, killed=True)
    elsewhere("a third machine")
    assert train(8) == 7  # from what was put after the epoch
    elsewhere("another machine")
    assert train(9) == 8  # not from its own, which is older


def test_the_footers_of_units_are_read_once(remote_home, monkeypatch):
    context = toy_context(remote_home)
    run_stage(TOY, context)
    reads = []
    plain = pq.read_metadata
    monkeypatch.setattr(pq, "read_metadata", lambda source: reads.append(1) or plain(source))
    partition = TOY.partition(context)
    assert len(context.lake.done(partition)) == N_UNITS
    n_first = len(reads)
    assert len(context.lake.done(partition)) == N_UNITS
    assert len(reads) == n_first
    context.lake.write(partition, "u00", context.lake.read(partition, "u01"))
    assert len(context.lake.done(partition)) == N_UNITS
    assert len(reads) == n_first + 1


def test_a_home_is_picklable_and_comes_from_the_environment(monkeypatch):
    import pickle

    from musqa_pipeline.core.home import home_folder

    monkeypatch.setenv("MUSQA_HOME", "s3://lake/a//b/")
    assert home_folder() == ObjectHome("lake", "a/b")
    assert pickle.loads(pickle.dumps(home_folder())) == home_folder()
    assert os.fspath(tmp := str(home_folder())) == tmp == "s3://lake/a/b"
