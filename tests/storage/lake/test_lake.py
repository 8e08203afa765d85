import errno
import os
import platform
import subprocess
import sys
import tempfile
from contextlib import suppress
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from musqa_pipeline.core.errors import LakeError
from musqa_pipeline.storage.fragments.partition import Partition
from musqa_pipeline.storage.lake.lake import Lake

PARTITION = Partition("labels", "f" * 32, "demo")
TABLE = pa.table({"a": [1, 2], "b": ["x", "y"]})


def test_a_written_unit_is_done_and_reads_back(lake):
    lake.write(PARTITION, "u1", TABLE, metadata={"note": "n"})
    assert lake.done(PARTITION) == ["u1"]
    assert lake.missing(PARTITION, ["u1", "u2"]) == ["u2"]
    assert lake.read(PARTITION, "u1").to_pydict() == TABLE.to_pydict()
    assert pq.read_metadata(lake.path(PARTITION, "u1")).metadata[b"note"] == b"n"


def test_a_unit_of_another_fingerprint_is_not_done(lake):
    path = lake.write(PARTITION, "u1", TABLE)
    other = Partition("labels", "f" * 12 + "0" * 20, "demo")  # same folder, other footer
    assert lake.path(other, "u1") == path
    assert lake.done(other) == []


def test_a_damaged_file_is_not_done(lake):
    path = lake.write(PARTITION, "u1", TABLE)
    path.write_bytes(path.read_bytes()[:-7])
    assert lake.missing(PARTITION, ["u1"]) == ["u1"]
    with pytest.raises(LakeError, match=r"cannot read .*it is set aside in lake/damaged"):
        lake.read(PARTITION, "u1")


def test_the_same_table_gives_the_same_bytes(lake):
    first = lake.write(PARTITION, "u1", TABLE).read_bytes()
    assert lake.write(PARTITION, "u1", TABLE).read_bytes() == first


def test_a_failed_write_leaves_nothing_behind(lake, monkeypatch):
    def full(*args, **kwargs):
        args[0].write_bytes(b"half")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(pq, "ParquetWriter", full)
    with pytest.raises(LakeError, match="the disk is full: free some space"):
        lake.write(PARTITION, "u1", TABLE)
    assert list(lake.folder(PARTITION).iterdir()) == []


def test_a_read_only_home_says_so():
    program = (
        "import os, sys; from pathlib import Path; import pyarrow as pa\n"
        "from musqa_pipeline.storage.lake.lake import Lake\n"
        "from musqa_pipeline.storage.fragments.partition import Partition\n"
        "os.setuid(65534)\n"  # after the imports: Python itself may lie in a closed folder
        "Lake(Path(sys.argv[1])).write(Partition('labels', 'f'*32, 'c'), 'u', "
        "pa.table({'a': [1]}))\n"
    )
    if os.getuid() != 0:
        pytest.skip("needs root, to drop to another user")
    with tempfile.TemporaryDirectory() as folder:  # pytest's own folders are closed to others
        Path(folder).chmod(0o555)
        run = subprocess.run(
            [sys.executable, "-c", program, folder], capture_output=True, text=True, check=False
        )
    assert (
        "permission is denied: name a folder you can write; results go where MUSQA_HOME"
        in run.stderr
    )


def test_scan_reads_in_order_of_ids_and_works_on_an_empty_partition(lake):
    assert lake.scan(PARTITION, TABLE.schema).num_rows == 0
    lake.write(PARTITION, "u2", pa.table({"a": [3], "b": ["z"]}))
    lake.write(PARTITION, "u1", TABLE)
    assert lake.scan(PARTITION, TABLE.schema, columns=["a"]).to_pydict() == {"a": [1, 2, 3]}
    assert lake.scan(PARTITION, TABLE.schema, units=["u2"]).to_pydict() == {"a": [3], "b": ["z"]}


def test_retired_units_leave_the_partition_but_are_kept(lake):
    lake.write(PARTITION, "u1", TABLE)
    lake.write(PARTITION, "u2", TABLE)
    assert lake.retire(PARTITION, ["u2"]) == ["u1"]
    assert lake.done(PARTITION) == ["u2"]
    assert len(list((lake.root / "lake" / "retired").rglob("u1.parquet"))) == 1


def test_sweep_removes_what_a_kill_left_and_nothing_else(lake):
    kept = lake.write(PARTITION, "u1", TABLE)
    leftover = kept.with_name(".u2.parquet.123.tmp")
    leftover.write_bytes(b"half")
    lake.sweep(PARTITION)
    assert kept.exists()
    assert not leftover.exists()


def test_a_folder_without_a_lock_is_swept_of_what_dead_writers_left(lake):
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    folder = lake.folder(PARTITION)
    folder.mkdir(parents=True)
    node = platform.node()
    names = [f".a.{node}-{dead.pid}.tmp", f".b.{node}-{os.getpid()}.tmp", ".c.elsewhere-1.tmp"]
    for name in names:
        (folder / name).write_bytes(b"half")
    lake.store.sweep(PARTITION.folder_key, only_dead=True)
    assert sorted(p.name for p in folder.iterdir()) == names[1:]


def test_a_work_folder_is_rid_of_what_a_killed_writer_left_in_it(lake):
    ended = subprocess.Popen(["true"])
    ended.wait()
    partition = Partition("evaluation", "f" * 32)
    with lake.work_folder(partition, "report") as work:
        dead, alive = (
            work.path / f".report.html.{platform.node()}-{pid}.tmp"
            for pid in (ended.pid, os.getpid())
        )
        dead.write_bytes(b"half")
        alive.write_bytes(b"half")
    with lake.work_folder(partition, "report"):
        assert not dead.exists()
        assert alive.exists()


def test_no_flipped_bit_of_a_fragment_is_worse_than_a_missing_unit(lake):
    path = lake.write(PARTITION, "u1", TABLE)
    content = path.read_bytes()
    states = set()
    for at in range(len(content)):
        damaged = bytearray(content)
        damaged[at] ^= 1 << at % 8
        path.write_bytes(damaged)
        states.add(tuple(lake.missing(PARTITION, ["u1"])))
        with suppress(LakeError):
            lake.read(PARTITION, "u1")
    assert states == {(), ("u1",)}


def test_a_lock_is_exclusive_and_freed_by_a_kill(lake):
    program = (
        "import sys, time\n"
        "from pathlib import Path\n"
        "from musqa_pipeline.storage.lake.lake import Lake\n"
        "with Lake(Path(sys.argv[1])).lock('run'):\n"
        "    print('held', flush=True); time.sleep(60)\n"
    )
    holder = subprocess.Popen(
        [sys.executable, "-c", program, str(lake.root)], stdout=subprocess.PIPE, text=True
    )
    assert holder.stdout.readline() == "held\n"
    with pytest.raises(LakeError, match="locked by another musqa process"):
        lake.lock("run", wait=False).__enter__()
    holder.kill()
    holder.wait()
    with lake.lock("run", wait=False):
        pass


def test_two_catalogs_and_two_settings_never_share_a_file(tmp_path):
    lake = Lake(tmp_path)
    partitions = [
        Partition("labels", fingerprint, catalog)
        for fingerprint in ("a" * 32, "b" * 32)
        for catalog in ("x", "y", None)
    ]
    assert len({lake.path(partition, "u") for partition in partitions}) == len(partitions)


def test_a_nullable_column_that_came_later_is_null_in_older_units(lake):
    lake.write(PARTITION, "u1", TABLE)
    newer = TABLE.append_column(pa.field("c", pa.string()), pa.array(["new", None]))
    lake.write(PARTITION, "u2", newer)
    found = lake.scan(PARTITION, newer.schema, columns=["c", "a"])
    assert found.to_pydict() == {"c": [None, None, "new", None], "a": [1, 2, 1, 2]}


def test_a_column_that_must_be_there_is_missed(lake):
    lake.write(PARTITION, "u1", TABLE)
    schema = TABLE.schema.append(pa.field("c", pa.string(), nullable=False))
    with pytest.raises(LakeError, match=r"cannot read .*u1\.parquet"):
        lake.scan(PARTITION, schema)


def test_the_file_of_an_empty_view_follows_the_columns(lake):
    lake.keep_readable(PARTITION, TABLE.schema)
    (path,) = lake.root.rglob("schema.parquet")
    before = path.stat().st_mtime_ns
    lake.keep_readable(PARTITION, TABLE.schema)
    assert path.stat().st_mtime_ns == before
    lake.keep_readable(PARTITION, TABLE.schema.append(pa.field("c", pa.string())))
    assert pq.read_schema(path).names == ["a", "b", "c"]
