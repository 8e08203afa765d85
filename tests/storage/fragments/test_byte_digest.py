"""The digest in a Parquet file covers all its bytes; who reads a damaged unit sets it aside."""

import os

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from musqa_pipeline.core import seals
from musqa_pipeline.core.errors import DamagedError, LakeError
from musqa_pipeline.core.seal_format import State
from musqa_pipeline.core.seals import left_alone
from musqa_pipeline.stages.engine.records import record_partition
from musqa_pipeline.storage.fragments.byte_digest import check_bytes
from musqa_pipeline.storage.fragments.partition import Partition
from musqa_pipeline.storage.lake.damaged import set_aside_beside
from musqa_pipeline.storage.packs.compaction import compact_partition
from musqa_pipeline.storage.packs.manifest import _INDEXES, read_manifest
from tests.storage.fragments.flips import break_pages, flipped

PARTITION = Partition("labels", "f" * 32, "c")
TABLE = pa.table({"n": list(range(40)), "text": [f"x{n}" for n in range(40)]})


def test_each_byte_of_a_fragment_counts(lake):
    path = lake.write(PARTITION, "u", TABLE, metadata={"note": "n"})
    content = path.read_bytes()
    assert check_bytes(path) is State.WHOLE
    for at in range(len(content)):
        path.write_bytes(flipped(content, at, at % 8))
        assert check_bytes(path) is State.WRONG, at
    for size in (0, 3, 9, len(content) // 2, len(content) - 1):
        path.write_bytes(content[:size])
        assert check_bytes(path) is not State.WHOLE


def test_who_reads_rows_is_never_given_other_ones(lake):
    path = lake.write(PARTITION, "u", TABLE, compression="none")
    content = path.read_bytes()
    end = len(content) - 8 - int.from_bytes(content[-8:-4], "little")
    refused = 0
    for at in range(4, end):
        path.write_bytes(flipped(content, at, at % 8))
        try:
            assert lake.read(PARTITION, "u").equals(TABLE), at
        except DamagedError:
            refused += 1
    assert refused > end * 0.8  # the others lie in the heads of pages, and change nothing


def test_the_same_rows_give_the_same_bytes_and_the_digest_is_no_part_of_the_fingerprint(lake):
    one, other = (lake.write(PARTITION, unit, TABLE).read_bytes() for unit in ("a", "b"))
    assert one == other
    assert lake.done(PARTITION) == ["a", "b"]


def test_a_file_of_an_early_release_has_none(tmp_path):
    pq.write_table(TABLE, tmp_path / "old.parquet")
    assert check_bytes(tmp_path / "old.parquet") is State.NONE


def test_a_pack_has_one_and_its_units_carry_none_into_it(lake):
    for unit in ("a", "b"):
        lake.write(PARTITION, unit, TABLE)
    compact_partition(lake.store, PARTITION)
    (key,) = read_manifest(lake.store, PARTITION).packs
    content = (lake.root / key).read_bytes()
    assert check_bytes(lake.root / key) is State.WHOLE
    assert content.count(b"musqa.bytes") == 1
    (lake.root / key).write_bytes(flipped(content, len(content) // 2))
    assert check_bytes(lake.root / key) is State.WRONG


def test_a_unit_that_cannot_be_read_is_set_aside_and_made_again(lake):
    path = lake.write(PARTITION, "u", TABLE)
    break_pages(path)
    assert lake.done(PARTITION) == ["u"]  # its footer is whole
    with left_alone(), pytest.raises(DamagedError, match=r"cannot read .*delete the file if it"):
        lake.read(PARTITION, "u")
    assert lake.done(PARTITION) == ["u"]
    with pytest.raises(DamagedError, match=r"it is set aside in lake/damaged, run again to make"):
        lake.read(PARTITION, "u")
    assert lake.missing(PARTITION, ["u"]) == ["u"]
    assert (lake.root / "lake/damaged" / path.relative_to(lake.root / "lake")).exists()
    lake.write(PARTITION, "u", TABLE)
    assert lake.read(PARTITION, "u").equals(TABLE)


def test_a_unit_that_is_whole_is_not_set_aside_for_what_a_reader_asks(lake):
    path = lake.write(PARTITION, "u", TABLE)
    with pytest.raises(LakeError, match="cannot read"):
        lake.read(PARTITION, "u", ["no such column"])
    assert path.exists()


def test_a_record_is_kept_twice_and_never_moved(lake):
    partition = record_partition("promotions", "p")
    path = lake.write(partition, "000001", TABLE)
    whole = path.read_bytes()
    break_pages(path)
    assert lake.read(partition, "000001").equals(TABLE)
    assert path.read_bytes() == whole
    break_pages(path)
    seals.seal_path(path).unlink()
    with pytest.raises(LakeError, match=r"cannot read .*000001"):
        lake.read(partition, "000001")
    assert path.exists()


def test_of_a_damaged_pack_the_good_units_stay(lake):
    for number in range(4):
        rows = pa.table({"n": [number], "blob": [os.urandom(1 << 21)]})
        lake.write(PARTITION, f"u{number}", rows, compression="none")
    compact_partition(lake.store, PARTITION)
    (key,) = read_manifest(lake.store, PARTITION).packs
    column = pq.read_metadata(lake.root / key).row_group(1).column(1)
    content, at = (lake.root / key).read_bytes(), column.data_page_offset
    (lake.root / key).write_bytes(content[:at] + b"\xff" * 20 + content[at + 20 :])
    with pytest.raises(LakeError, match=r"cannot read .*u1"):
        lake.read(PARTITION, "u1")
    assert lake.done(PARTITION) == ["u0", "u2", "u3"]
    assert lake.read(PARTITION, "u3")["n"].to_pylist() == [3]
    assert (lake.root / "lake/damaged" / key.removeprefix("lake/")).exists()


def test_a_pack_whose_index_cannot_be_read_blocks_nobody(lake):
    for unit in ("a", "b"):
        lake.write(PARTITION, unit, TABLE)
    compact_partition(lake.store, PARTITION)
    (key,) = read_manifest(lake.store, PARTITION).packs
    content = (lake.root / key).read_bytes()
    (lake.root / key).write_bytes(content[:-8] + bytes(4) + content[-4:])
    _INDEXES.clear()  # as in another process
    assert lake.missing(PARTITION, ["a", "b"]) == ["a", "b"]


def test_a_unit_with_damaged_files_beside_it_is_made_again(lake):
    partition = Partition("models", "e" * 32)
    for name in ("good", "bad"):
        with lake.work_folder(partition, name) as work:
            (work.path / "weights.pt").write_bytes(bytes(2 << 20))
            (work.path / "settings.json").write_text("{}")
        lake.write(partition, name, TABLE)
    assert set_aside_beside(lake.store, partition) == []
    settings = lake.local_folder(partition, "good") / "settings.json"
    settings.write_text("[]")
    weights = lake.local_folder(partition, "bad") / "weights.pt"
    weights.write_bytes(flipped(weights.read_bytes(), 77))
    with pytest.raises(DamagedError, match=r"weights.pt is not what was written"):  # as promotion
        lake.store.read_bytes(f"{partition.folder_key}/bad/weights.pt")
    assert set_aside_beside(lake.store, partition) == [f"{partition.folder_key}/bad"]
    assert lake.done(partition) == ["good"]
    assert settings.read_text() == "{}"  # small files heal
    assert not weights.parent.exists()
