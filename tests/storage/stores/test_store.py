"""Both stores keep the same promises."""

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from musqa_pipeline.core.errors import LakeError
from musqa_pipeline.core.home import ObjectHome
from musqa_pipeline.operations.maintenance.garbage import clear_garbage
from musqa_pipeline.storage.fragments.partition import Partition
from musqa_pipeline.storage.lake.lake import Lake
from musqa_pipeline.storage.stores import s3_uploads
from musqa_pipeline.storage.stores.opening import open_store
from musqa_pipeline.storage.stores.s3_file import TAIL_BYTES

PARTITION = Partition("labels", "f" * 32, "demo")
TABLE = pa.table({"a": [1, 2], "b": ["x", "y"]})


@pytest.fixture(params=["disk", "s3"])
def home(request, tmp_path):
    if request.param == "disk":
        return tmp_path / "home"
    return request.getfixturevalue("remote_home")


@pytest.fixture
def store(home):
    return open_store(home)


def test_what_is_written_is_read_listed_and_deleted(store):
    assert store.files("a") == store.walk("a") == store.folders("a") == []
    assert store.read_versioned("a/x.txt") is None
    assert not store.exists("a/x.txt")
    with pytest.raises(FileNotFoundError):
        store.read_bytes("a/x.txt")
    store.write_bytes("a/x.txt", b"one")
    store.write_bytes("a/deep/er/ü z=1.txt", b"two")
    store.write_bytes("ab/no.txt", b"no")
    assert [file.key for file in store.files("a")] == ["a/x.txt"]
    assert [file.key for file in store.walk("a")] == ["a/deep/er/ü z=1.txt", "a/x.txt"]
    assert store.folders("a") == ["deep"]
    assert (store.files("a")[0].size_bytes, store.files("a")[0].stem) == (3, "x")
    assert store.exists("a/x.txt")
    assert not store.exists("a")
    assert store.read_bytes("a/deep/er/ü z=1.txt") == b"two"
    before = store.files("a")[0].version
    store.write_bytes("a/x.txt", b"ONE")
    assert store.files("a")[0].version != before
    store.delete("a/x.txt")
    store.delete("a/x.txt")
    assert store.files("a") == []


def test_an_empty_file_is_lent(store):
    store.write_bytes("a/empty", b"")
    with store.lent("a/empty") as path:
        assert path.read_bytes() == b""


def test_a_commit_wants_what_was_read(store):
    assert not store.commit("record.json", b"1", "no such version")
    assert store.commit("record.json", b"1", None)
    assert not store.commit("record.json", b"2", None)
    content, version = store.read_versioned("record.json")
    assert content == b"1"
    assert store.commit("record.json", b"3", version)
    assert not store.commit("record.json", b"4", version)
    assert store.read_bytes("record.json") == b"3"


def test_a_move_leaves_one(store):
    store.write_bytes("a/x", b"1")
    store.move("a/x", "b/c/y")
    assert [file.key for file in (*store.walk("a"), *store.walk("b"))] == ["b/c/y"]
    assert store.read_bytes("b/c/y") == b"1"
    with pytest.raises(LakeError, match="cannot move"):
        store.move("a/x", "b/z")


def test_a_failed_write_leaves_what_was_there(store):
    store.write_bytes("a/x", b"1")

    def half():
        with store.writing("a/x") as path:
            path.write_bytes(b"half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        half()
    assert store.read_bytes("a/x") == b"1"
    assert [file.key for file in store.walk("a")] == ["a/x"]


def test_copies_on_this_machine_follow_what_is_stored(store):
    store.write_bytes("a/x", b"1")
    store.write_bytes("a/b/y", b"2")
    assert store.local_file("a/x").read_bytes() == b"1"
    assert (store.local_folder("a") / "b/y").read_bytes() == b"2"
    store.write_bytes("a/x", b"3")
    assert store.local_file("a/x").read_bytes() == b"3"
    assert (store.local_folder("a") / "x").read_bytes() == b"3"
    assert store.local_file("a/x").name == "x"


def test_a_work_folder_is_put_whole_and_goes_on(store):
    with store.work_folder("runs/one") as work:
        (work.path / "best-0001.pt").write_bytes(b"w1")
        (work.path / "checkpoint.ckpt").write_bytes(b"c1")
        work.put()
    assert [f.name for f in store.files(work.key)] == ["best-0001.pt", "checkpoint.ckpt"]
    with store.work_folder("runs/one") as work:
        assert (work.path / "checkpoint.ckpt").read_bytes() == b"c1"
        (work.path / "best-0001.pt").rename(work.path / "weights.pt")
    assert [f.name for f in store.files("runs/one")] == ["checkpoint.ckpt", "weights.pt"]
    assert store.read_bytes("runs/one/weights.pt") == b"w1"


def test_a_lake_does_not_know_where_it_is(home):
    lake = Lake(home)
    lake.write(PARTITION, "u1", TABLE)
    lake.write(PARTITION, "u2", TABLE, metadata={"note": "n"})
    assert lake.done(PARTITION) == ["u1", "u2"]
    assert lake.missing(PARTITION, ["u3", "u1"]) == ["u3"]
    assert lake.read(PARTITION, "u1", ["b"]).to_pydict() == {"b": ["x", "y"]}
    assert lake.scan(PARTITION, TABLE.schema).num_rows == 4
    assert lake.retire(PARTITION, ["u1"]) == ["u2"]
    assert lake.done(PARTITION) == ["u1"]
    assert [f.stem for f in lake.store.walk("lake/retired")] == ["u2"]
    lake.sweep(PARTITION)
    lake.store.write_bytes(PARTITION.key("u1"), b"damaged")
    assert lake.done(PARTITION) == []
    with pytest.raises(LakeError, match=r"cannot read .*u1\.parquet.*it is set aside"):
        lake.read(PARTITION, "u1")
    lake.discard(PARTITION, "u1")
    with pytest.raises(LakeError, match=r"cannot read .*u1\.parquet"):
        lake.read(PARTITION, "u1")


def test_of_a_large_file_only_the_wanted_parts_are_read(remote_home, storage):
    store = open_store(remote_home)
    rows = [bytes([i]) * 100_000 for i in range(20)]
    with store.writing("big.parquet") as path:
        pq.write_table(
            pa.table({"n": range(20), "blob": rows}), path, row_group_size=1, compression="none"
        )
        assert path.stat().st_size > 4 * TAIL_BYTES
    storage.faults(("slow", ["GET"], "none", 0))
    with store.opened("big.parquet") as source, pq.ParquetFile(source) as file:
        found = file.read_row_groups([3, 19])
        assert found["blob"].to_pylist() == [rows[3], rows[19]]
        store.write_bytes("big.parquet", b"replaced")
        with pytest.raises(LakeError, match="was replaced while it was read; run again"):
            file.read_row_groups([5])


def test_threads_read_one_open_file_at_places_of_their_own(remote_home):
    from musqa_pipeline.storage.stores.s3_filesystem import S3FileSystem

    store = open_store(remote_home)
    store.write_bytes("a/x.parquet", bytes(range(100)))
    file = S3FileSystem().open(store.address("a/x.parquet"))
    file.seek(10)
    with ThreadPoolExecutor(1) as another:
        another.submit(file.seek, 50).result()
        assert another.submit(file.read, 2).result() == bytes([50, 51])
    assert file.read(2) == bytes([10, 11])


def test_a_large_file_goes_in_parts_and_appears_at_once(remote_home, monkeypatch):
    monkeypatch.setattr(s3_uploads, "SINGLE_PUT_BYTES", 5 << 20)  # the protocol's least
    store = open_store(remote_home)
    content = bytes(range(256)) * 50_000
    with store.writing("a/big") as path:
        path.write_bytes(content)
    assert store.read_bytes("a/big") == content
    assert store._bucket.uploads("a") == []


def test_uploads_that_a_kill_left_are_swept(remote_home):
    store = open_store(remote_home)
    store._bucket.call("create_multipart_upload", "a/half")
    store.write_bytes("a/half", b"whole")
    (leftover,) = store.leftovers("a")
    store.delete(leftover.key)
    assert store.leftovers("a") == []
    assert store.read_bytes("a/half") == b"whole"
    store._bucket.call("create_multipart_upload", "a/half")
    assert len(store.leftovers("a")) == 1
    store.sweep("a")
    assert store.leftovers("a") == []
    store.prune("a")


def test_a_lake_on_object_storage_has_no_path(remote_home):
    with pytest.raises(LakeError, match=r"s3://lake/.* is no folder; this works on a lake on a"):
        Lake(remote_home).path(PARTITION, "u")


@pytest.mark.parametrize("place", ["s3://bucket/x", "s3:/bucket/x", "gs://b/x"])
def test_a_url_never_becomes_a_folder(place, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(LakeError, match="would be a folder called"):
        open_store(Path(place)).write_bytes("x", b"1")
    assert list(tmp_path.iterdir()) == []


def test_a_home_keeps_its_text():
    home = ObjectHome("lake", "a/b")
    assert (str(home), str(home / "c/d.txt")) == ("s3://lake/a/b", "s3://lake/a/b/c/d.txt")


def test_gc_drops_copies_of_this_machine_that_nobody_has_used_for_long(store, home):
    for name in ("report.html", "old/report.html", "old/table.csv"):
        store.write_bytes(f"reports/{name}", name.encode())
    paths = [store.local_file("reports/report.html"), store.local_folder("reports/old")]
    if store.copies():
        for copy in store.copies():
            os.utime(copy.key, times=(0, 0))
    else:
        assert not isinstance(home, ObjectHome)
    assert store.local_file("reports/report.html") == paths[0]  # which is a use of it
    items = [item for item in clear_garbage(home).garbage if item.kind == "copy"]
    if isinstance(home, ObjectHome):
        (item,) = items
        assert (item.place, item.n_files) == (str(paths[1]), 2)
        assert not paths[1].parent.parent.exists()
    assert paths[0].read_bytes() == b"report.html"
    again = store.local_folder("reports/old")
    names = sorted(path.name for path in again.iterdir() if path.suffix != ".seal")
    assert names == ["report.html", "table.csv"]
    assert len(store.walk("reports")) == 3
