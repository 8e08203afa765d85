"""Slow, failing and torn transfers: nothing half is ever seen, and what can be mended is mended."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from musqa_pipeline.core.errors import LakeError, SettingsError, StorageAwayError, is_passing
from musqa_pipeline.core.home import ObjectHome
from musqa_pipeline.storage.fragments.partition import Partition
from musqa_pipeline.storage.lake.lake import Lake
from musqa_pipeline.storage.stores import s3_client, s3_uploads
from musqa_pipeline.storage.stores.opening import _open_bucket, open_store
from tests.storage.stores.conftest import SECRET

PARTITION = Partition("labels", "f" * 32, "demo")
TABLE = pa.table({"n": range(50_000)})
WRITES, READS = ["PUT", "POST"], ["GET"]


@pytest.fixture
def lake(remote_home, monkeypatch):
    monkeypatch.setattr(s3_client.time, "sleep", lambda _: None)
    return Lake(remote_home)


@pytest.mark.parametrize(
    ("kind", "times"),
    [
        ("error", 3),
        ("slow", 1),
        ("reset_upload", 2),
        ("corrupt_upload", 2),
        ("lost_answer", 2),
    ],
)
def test_a_write_survives_what_passes(lake, storage, kind, times):
    storage.faults((kind, WRITES, "u1", times))
    lake.write(PARTITION, "u1", TABLE)
    assert storage.fired() == [times]
    assert lake.done(PARTITION) == ["u1"]
    assert lake.read(PARTITION, "u1").equals(TABLE)


@pytest.mark.parametrize(
    ("kind", "times"),
    [("error", 3), ("slow", 1), ("reset_download", 2), ("corrupt_download", 2)],
)
def test_a_read_survives_what_passes(lake, storage, kind, times):
    lake.write(PARTITION, "u1", TABLE)
    storage.faults((kind, READS, "u1", times))
    assert lake.store.read_bytes(PARTITION.key("u1"))[:4] == b"PAR1"
    assert storage.fired() == [times]
    storage.faults((kind, READS, "u1", times))
    assert lake.read(PARTITION, "u1").equals(TABLE)
    assert storage.fired() == [times]


@pytest.mark.parametrize("kind", ["error", "reset_upload", "corrupt_upload"])
def test_a_write_that_never_succeeds_leaves_what_was_there(lake, storage, kind):
    lake.write(PARTITION, "u1", TABLE)
    storage.faults((kind, WRITES, "u[12]", 1000))
    for unit in ("u1", "u2"):
        with pytest.raises(
            StorageAwayError, match=rf"cannot write s3://lake/.*/{unit}\.parquet: "
        ) as caught:
            lake.write(PARTITION, unit, TABLE.slice(0, 3))
        assert is_passing(caught.value)
    assert storage.fired()[0] >= 4
    storage.faults()
    assert lake.done(PARTITION) == ["u1"]
    assert lake.read(PARTITION, "u1").equals(TABLE)


@pytest.mark.parametrize("kind", ["error", "reset_download", "corrupt_download"])
def test_storage_that_does_not_answer_is_not_a_unit_that_is_not_there(lake, storage, kind):
    lake.write(PARTITION, "u1", TABLE)
    storage.faults((kind, READS, r"u1\.parquet|list-type", 1000))
    with pytest.raises(LakeError, match=r"cannot (read|list) s3://lake/"):
        lake.done(PARTITION)
    with pytest.raises(LakeError, match=r"cannot (read|list) s3://lake/"):
        lake.retire(PARTITION, [])
    assert storage.fired()[0] >= 2
    storage.faults()
    assert lake.done(PARTITION) == ["u1"]


def test_a_commit_whose_answer_was_lost_counts_once(lake, storage):
    store = lake.store
    storage.faults(("lost_answer", ["PUT"], "record", 1))
    assert store.commit("record", b"1", None)
    assert storage.fired() == [1]
    _, version = store.read_versioned("record")
    storage.faults(("lost_answer", ["PUT"], "record", 1))
    assert store.commit("record", b"2", version)
    assert storage.fired() == [1]
    assert store.read_bytes("record") == b"2"


@pytest.mark.parametrize(
    ("kind", "target", "times"),
    [
        ("lost_answer", r"uploadId=[^&]*$", 1),  # completing it
        ("reset_upload", "partNumber=2", 2),
        ("corrupt_upload", "partNumber=1", 1),
        ("error", r"\?uploads", 2),
    ],
)
def test_an_upload_in_parts_survives_what_passes(lake, storage, monkeypatch, kind, target, times):
    monkeypatch.setattr(s3_uploads, "SINGLE_PUT_BYTES", 5 << 20)
    content = bytes(range(256)) * 24_000
    storage.faults((kind, WRITES, target, times))
    with lake.store.writing("a/big") as path:
        path.write_bytes(content)
    assert storage.fired() == [times]
    assert lake.store.read_bytes("a/big") == content


def test_an_upload_in_parts_that_breaks_off_leaves_nothing(lake, storage, monkeypatch):
    monkeypatch.setattr(s3_uploads, "SINGLE_PUT_BYTES", 5 << 20)
    storage.faults(("error", WRITES, "partNumber=2", 1000))

    def write():
        with lake.store.writing("a/big") as path:
            path.write_bytes(bytes(6 << 20))

    with pytest.raises(LakeError, match=r"cannot write s3://lake/.*/a/big: .* answered SlowDown"):
        write()
    assert storage.fired()[0] >= 1
    storage.faults()
    assert not lake.store.exists("a/big")
    assert lake.store._bucket.uploads("a") == []


@pytest.fixture
def count_rows(lake):
    """A query that reads two units."""
    from musqa_pipeline.stages.views.remote import query_remote

    lake.write(PARTITION, "u1", TABLE)
    lake.write(PARTITION, "u2", pa.table({"n": [7]}))
    view = ("labels", f"SELECT * FROM read_parquet({lake.glob(PARTITION)}, hive_partitioning=true)")
    sql = "SELECT count(*) AS n, sum(n) AS s FROM labels"
    return lambda: query_remote(lake.store.home, sql, [("main", [view])])["n"].to_list()


def test_a_query_survives_what_passes(count_rows, storage):
    storage.faults(("error", READS, r"\.parquet", 2), ("slow", READS, r"\.parquet", 1))
    assert count_rows() == [50_001]
    assert storage.fired() == [2, 1]


def test_a_query_reads_a_small_fragment_once(count_rows, storage):
    storage.faults(("none", [*READS, "HEAD"], r"\.parquet", 1000))
    assert count_rows() == [50_001]
    assert storage.fired() == [2]


def test_a_query_reads_a_large_fragment_in_blocks(lake, storage):
    from musqa_pipeline.stages.views.remote import query_remote
    from musqa_pipeline.storage.stores.s3_filesystem import BLOCK_BYTES

    values = np.random.default_rng(1).random((30, 12_000))
    wide = pa.table({f"c{i}": column for i, column in enumerate(values)})
    lake.write(PARTITION, "u1", wide, row_group_rows=100)
    (file,) = lake.store.walk("lake")
    view = ("labels", f"SELECT * FROM read_parquet({lake.glob(PARTITION)}, hive_partitioning=true)")
    storage.faults(("none", [*READS, "HEAD"], r"\.parquet", 1000))
    found = query_remote(
        lake.store.home, "SELECT sum(c3) AS a, sum(c25) AS b FROM labels", [("main", [view])]
    )
    np.testing.assert_allclose(found.row(0), values[[3, 25]].sum(axis=1))
    assert 2 <= storage.fired()[0] <= 2 + file.size_bytes // BLOCK_BYTES


@pytest.mark.parametrize(
    ("kind", "error", "words"),
    [("denied", LakeError, "denies access"), ("error", StorageAwayError, "answered SlowDown")],
)
def test_a_query_says_what_the_storage_refuses(count_rows, storage, kind, error, words):
    storage.faults((kind, READS, r"u2\.parquet", 1000))
    with pytest.raises(error, match=rf"cannot read s3://lake/.*u2\.parquet: .*{words}") as caught:
        count_rows()
    assert "AKIDSECRET" not in str(caught.value)


def messages(lake, storage):
    """Every way in which a secret could get into a message."""
    storage.faults(("denied", [*WRITES, *READS], ".", 1000))
    for act in (lambda: lake.write(PARTITION, "u1", TABLE), lambda: lake.store.files("a")):
        with pytest.raises(LakeError, match=r"denies access .*check the credentials") as caught:
            act()
        yield caught
    assert storage.fired() == [2]
    storage.faults()


def test_no_message_shows_a_credential(lake, storage):
    for caught in messages(lake, storage):
        text = "".join(str(part) for part in caught.getrepr(chain=True, style="short").chain)
        for secret in (SECRET, "AKIDSECRET"):
            assert secret not in str(caught.value)
            assert secret not in text
        assert caught.value.__suppress_context__
        assert not is_passing(caught.value)


def test_no_credentials_no_bucket_and_no_server_are_told_apart(storage, monkeypatch):
    with pytest.raises(LakeError, match="the bucket 'nowhere' does not exist at http://127"):
        open_store(ObjectHome("nowhere")).write_bytes("x", b"1")
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    with pytest.raises(LakeError, match="there are no credentials; set AWS_ACCESS_KEY_ID"):
        open_store(ObjectHome("another")).write_bytes("x", b"1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "x")
    monkeypatch.setenv("MUSQA_S3_ENDPOINT", "http://127.0.0.1:9")
    _open_bucket.cache_clear()
    with pytest.raises(LakeError, match=r"does not answer .*check the network and MUSQA_S3_END"):
        open_store(ObjectHome("lake")).read_bytes("x")


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("ftp://host", "expected http://HOST:PORT or https://HOST"),
        ("http://key:hidden@host", "MUSQA_S3_ENDPOINT carries credentials; take them out"),
    ],
)
def test_an_endpoint_that_cannot_be_used_is_said(monkeypatch, url, words):
    from musqa_pipeline.storage.stores.s3_client import endpoint_url

    monkeypatch.setenv("MUSQA_S3_ENDPOINT", url)
    with pytest.raises(SettingsError, match=words) as caught:
        endpoint_url()
    assert "hidden" not in str(caught.value)


def test_a_table_is_read_in_the_parts_that_arrive(lake, storage):
    wide = pa.table({"n": range(20), "blob": [bytes([i]) * 100_000 for i in range(20)]})
    lake.write(PARTITION, "u1", wide, row_group_rows=1, compression="none")
    storage.faults(("reset_download", READS, "u1", 2, 1))
    with lake.opened(PARTITION, "u1") as source, pq.ParquetFile(source) as file:
        assert file.read_row_group(3)["n"].to_pylist() == [3]
    assert storage.fired() == [2]
