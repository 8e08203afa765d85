"""Packs hold what files held: for readers, for runs, for views, and after a kill at any step."""

import json
import os
import shutil
import subprocess
import sys
import textwrap
from dataclasses import replace

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from musqa_pipeline.core.errors import LakeError, SettingsError
from musqa_pipeline.core.seals import seal_path
from musqa_pipeline.operations.maintenance.compact import compact_lake
from musqa_pipeline.operations.maintenance.garbage import clear_garbage, find_garbage
from musqa_pipeline.operations.maintenance.mend import mend
from musqa_pipeline.operations.maintenance.verify import verify_lake
from musqa_pipeline.stages.engine.stage import run_stage
from musqa_pipeline.stages.views.duck import database_path, publish, query, restore_views
from musqa_pipeline.storage.fragments import parquet
from musqa_pipeline.storage.fragments.partition import Partition
from musqa_pipeline.storage.lake.lake import Lake
from musqa_pipeline.storage.packs import compaction
from musqa_pipeline.storage.packs.compaction import VARIABLE, compact_partition
from musqa_pipeline.storage.packs.manifest import MOVED, pack_index, packed_units, read_manifest
from musqa_pipeline.storage.packs.unpacking import drop_superseded, superseded_by_packs
from musqa_pipeline.storage.stores.local_store import LocalStore
from tests.operations.maintenance.conftest import home as small_home  # noqa: F401 - a fixture
from tests.operations.maintenance.conftest import small_lake  # noqa: F401 - a fixture
from tests.stages.engine.toy_stage import SQUARES, TOY, toy_context
from tests.storage.lake.first_lake import first_context

PARTITION = Partition("degradations", "f" * 32, "c")


def unit_table(n, rows=3, size=10):
    """Rows like those of a stage: a key, numbers with nulls, a list, a payload."""
    return pa.table(
        {
            "id": [f"{n}-{i}" for i in range(rows)],
            "x": pa.array([None if i % 2 else n + i / 2 for i in range(rows)], pa.float64()),
            "flags": pa.array([["a"] * i for i in range(rows)], pa.list_(pa.string())),
            "payload": [os.urandom(size) for _ in range(rows)],
        }
    )


def fill(lake, n_units, partition=PARTITION, **options):
    tables = {f"u{n:03d}": unit_table(n, **options) for n in range(n_units)}
    for unit, table in tables.items():
        lake.write(partition, unit, table, metadata={"note": unit}, compression="none")
    return tables


def assert_same(lake, tables, partition=PARTITION):
    """Every way of reading gives what was written."""
    schema = next(iter(tables.values())).schema
    assert lake.done(partition) == sorted(tables)
    assert lake.missing(partition, [*tables, "never"]) == ["never"]
    for unit, table in tables.items():
        read = lake.read(partition, unit)
        assert read.equals(table), unit
        assert read.schema.metadata[b"note"] == unit.encode()
        assert lake.read(partition, unit, ["x"]).equals(table.select(["x"]))
        with lake.opened(partition, unit) as source, pq.ParquetFile(source) as file:
            assert file.read().equals(table)
    whole = pa.concat_tables([tables[unit] for unit in sorted(tables)])
    assert lake.scan(partition, schema).equals(whole)
    some = sorted(tables)[1::3]
    parts = [tables[unit].select(["id", "x"]) for unit in some]
    assert lake.scan(partition, schema, columns=["id", "x"], units=some).equals(
        pa.concat_tables([schema.empty_table().select(["id", "x"]), *parts])
    )


@pytest.fixture
def few_a_pack(monkeypatch):
    monkeypatch.setattr(compaction, "PACK_UNITS", 4)


def test_packed_units_read_as_files_did(lake, few_a_pack):
    tables = fill(lake, 10)
    tables["u100"] = unit_table(100, rows=40, size=100_000)  # has row groups of its own
    lake.write(PARTITION, "u100", tables["u100"], metadata={"note": "u100"}, row_group_rows=16)
    tables["u101"] = unit_table(101).slice(0, 0)
    lake.write(PARTITION, "u101", tables["u101"], metadata={"note": "u101"})
    done = compact_partition(lake.store, PARTITION)
    assert (done.n_units, done.n_packs, done.problem) == (12, 3, "")
    assert_same(lake, tables)
    place = packed_units(lake.store, PARTITION)["u100"]
    assert (place.n_groups, place.rows) == (3, 40)
    drop_superseded(lake.store, PARTITION, read_manifest(lake.store, PARTITION).superseded)
    assert_same(lake, tables)
    loose = {path.name for path in lake.folder(PARTITION).glob("*.parquet")}
    assert loose == {MOVED}


def test_a_run_that_keeps_manifests_finds_what_was_packed_and_packed_again_meanwhile(
    lake, few_a_pack
):
    tables, known = fill(lake, 3), {}
    run = Lake(lake.root, known)
    for more in range(3):
        assert_same(run, tables)
        assert known == {PARTITION: read_manifest(lake.store, PARTITION)}
        late = f"u{100 + more}"
        tables[late] = unit_table(100 + more).replace_schema_metadata(
            tables["u000"].schema.metadata
        )
        lake.write(PARTITION, late, tables[late], metadata={"note": late}, compression="none")
        compact_partition(lake.store, PARTITION)
        drop_superseded(lake.store, PARTITION, read_manifest(lake.store, PARTITION).superseded)


def test_a_unit_that_is_gone_is_gone_for_who_keeps_manifests(lake):
    fill(lake, 2)
    run = Lake(lake.root, {})
    run.read(PARTITION, "u001")
    lake.discard(PARTITION, "u001")
    for read in (run.read, lambda *which: run.opened(*which).__enter__()):
        with pytest.raises(LakeError, match=r"cannot read .*u001\.parquet: .*run again"):
            read(PARTITION, "u001")


def test_a_partition_grows_is_packed_again_and_half_full_packs_are_refilled(lake, few_a_pack):
    tables = fill(lake, 5)
    compact_partition(lake.store, PARTITION)
    first = read_manifest(lake.store, PARTITION).packs
    assert [len(pack_index(lake.store, key)) for key in first] == [4, 1]
    tables["u9"] = unit_table(9)
    lake.write(PARTITION, "u9", tables["u9"], metadata={"note": "u9"})
    assert_same(lake, tables)
    assert lake.path(PARTITION, "u9").parent.name == "loose-1"
    compact_partition(lake.store, PARTITION)
    manifest = read_manifest(lake.store, PARTITION)
    assert manifest.generation == 2
    assert [len(pack_index(lake.store, key)) for key in manifest.packs] == [4, 2]
    assert manifest.packs[0] == first[0]
    assert first[1] in manifest.superseded
    assert_same(lake, tables)
    assert compact_partition(lake.store, PARTITION).n_units == 0
    for _ in range(3):
        drop_superseded(lake.store, PARTITION, read_manifest(lake.store, PARTITION).superseded)
    assert_same(lake, tables)


def test_other_schemas_and_fingerprints_get_packs_of_their_own(lake):
    tables = {"u1": unit_table(1), "u2": unit_table(2).drop(["x"]), "u3": unit_table(3)}
    for unit, table in tables.items():
        lake.write(PARTITION, unit, table)
    other = Partition(PARTITION.stage, "f" * 12 + "0" * 20, PARTITION.catalog)  # the same folder
    lake.write(other, "u4", unit_table(4))
    assert compact_partition(lake.store, PARTITION).n_packs == 3
    assert lake.done(PARTITION) == ["u1", "u2", "u3"]
    assert lake.done(other) == ["u4"]
    schema = tables["u1"].schema
    assert lake.scan(PARTITION, schema)["x"].null_count == 1 + 3 + 1


def test_units_retire_from_packs_come_back_and_are_written_anew(lake, few_a_pack):
    tables = fill(lake, 6)
    before = pq.read_metadata(lake.path(PARTITION, "u002")).metadata
    compact_partition(lake.store, PARTITION)
    gone = tables.pop("u002")
    assert lake.retire(PARTITION, tables) == ["u002"]
    assert_same(lake, tables)
    retired = lake.root / PARTITION.retired("u002")
    again = pq.ParquetFile(retired)
    assert again.read().equals(gone)
    footer = again.metadata.metadata
    assert footer.keys() == before.keys()
    assert footer[b"musqa.checksum"] == before[b"musqa.checksum"]
    lake.write(PARTITION, "u003", gone, metadata={"note": "u003"})
    tables["u003"] = gone
    assert_same(lake, tables)
    lake.discard(PARTITION, "u004")
    del tables["u004"]
    assert_same(lake, tables)


def test_a_run_takes_what_it_makes_out_of_the_packs_so_that_it_is_there_once(home):
    context = toy_context(home, "1 2 3")
    lake, partition = context.lake, TOY.partition(context)
    other = replace(partition, fingerprint="a" * 12 + "0" * 20)  # the same folder
    for unit in ("u1", "u2"):
        lake.write(other, unit, SQUARES.from_rows([{"n": 0, "square": 0}]))
    compact_partition(lake.store, partition)
    assert run_stage(TOY, context).made == 3
    assert packed_units(lake.store, partition) == {}
    assert lake.path(partition, "u1").parent.name == "loose-1"
    assert lake.scan(partition, SQUARES.schema)["square"].to_pylist() == [1, 4, 9]
    assert lake.done(other) == []


def test_a_damaged_unit_keeps_its_partition_from_being_packed(lake):
    fill(lake, 3)
    path = lake.path(PARTITION, "u001")
    content = bytearray(path.read_bytes())
    content[len(content) // 3] ^= 1
    path.write_bytes(content)
    done = compact_partition(lake.store, PARTITION)
    assert done.n_units == 0
    assert "musqa verify" in done.problem or "cannot read" in done.problem
    assert read_manifest(lake.store, PARTITION).version is None
    assert len(list(lake.folder(PARTITION).glob("*.parquet"))) == 3


def test_two_that_change_a_partition_at_once_never_lose_units(lake, monkeypatch):
    tables = fill(lake, 3)
    real = parquet.write_fragment

    def meanwhile(store, key, *rest, **options):  # just before the commit of the outer one
        monkeypatch.setattr(parquet, "write_fragment", real)
        compact_partition(lake.store, PARTITION)
        return real(store, key, *rest, **options)

    monkeypatch.setattr(parquet, "write_fragment", meanwhile)
    with pytest.raises(LakeError, match="was changed by another process at this moment"):
        compact_partition(lake.store, PARTITION)
    assert_same(lake, tables)


KILLED = textwrap.dedent(
    """
    import os, signal, sys
    from pathlib import Path
    from musqa_pipeline.storage.lake.lake import Lake
    from musqa_pipeline.storage.packs import compaction
    from musqa_pipeline.storage.stores.local_store import LocalStore
    from musqa_pipeline.operations.maintenance.compact import compact_lake
    step, compaction.PACK_UNITS = int(sys.argv[2]), 4
    left = [step]

    def counted(real):
        def call(*arguments, **options):
            if left[0] == 0:
                os.kill(os.getpid(), signal.SIGKILL)
            left[0] -= 1
            return real(*arguments, **options)
        return call

    for name in ("write_bytes", "delete", "commit", "writing"):
        setattr(LocalStore, name, counted(getattr(LocalStore, name)))
    compact_lake(Path(sys.argv[1]))
    print("steps", step - left[0])
    """
)


def run_killed(home, step):
    command = [sys.executable, "-c", KILLED, str(home), str(step)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def rows_of(home):
    return {
        view: query(home, f"SELECT * FROM {view} ORDER BY ALL")
        for view in ("tracks", "excerpts", "degradations", "labels", "quarantine")
    }


class Killed(BaseException):
    pass


def compact_until(home, step, monkeypatch):
    """Compact in this process, which stops dead before its n-th change of the disk."""
    left = [step]

    def counted(real):
        def call(*arguments, **options):
            if left[0] == 0:
                raise Killed
            left[0] -= 1
            return real(*arguments, **options)

        return call

    with monkeypatch.context() as patch:
        for name in ("write_bytes", "delete", "commit", "writing"):
            patch.setattr(LocalStore, name, counted(getattr(LocalStore, name)))
        compact_lake(home)
    return step - left[0]


def assert_killed_and_resumed(home, before):
    """After a kill all rows are there once; another run of compaction ends the work."""
    assert all(seen.equals(before[view]) for view, seen in rows_of(home).items())
    assert verify_lake(home).errors == ()
    compact_lake(home)
    assert all(seen.equals(before[view]) for view, seen in rows_of(home).items())
    assert {f.kind for f in verify_lake(home).findings} <= {"orphan", "leftover"}
    for file in (home / "lake").rglob("*"):
        os.utime(file, (1, 1))
    clear_garbage(home)
    assert verify_lake(home).findings == ()
    assert all(seen.equals(before[view]) for view, seen in rows_of(home).items())


@pytest.mark.parametrize("step", [5, 9, 24, 33, 40])
def test_after_a_stop_at_any_step_views_show_all_rows_once(
    small_home,  # noqa: F811
    step,
    monkeypatch,
):
    before = rows_of(small_home)
    with pytest.raises(Killed):
        compact_until(small_home, step, monkeypatch)
    assert_killed_and_resumed(small_home, before)


@pytest.mark.long
@pytest.mark.parametrize("step", range(60))
def test_after_a_kill_at_any_step_views_show_all_rows_once(small_home, step):  # noqa: F811
    before = rows_of(small_home)
    killed = run_killed(small_home, step)
    if killed.returncode == 0:
        assert step > 40, killed  # it has no more steps than that
    else:
        assert killed.returncode == -9, killed
    assert_killed_and_resumed(small_home, before)


def test_a_whole_lake_is_packed_and_a_run_finds_nothing_to_do(small_home):  # noqa: F811
    before, context = rows_of(small_home), first_context(small_home)
    done = {
        partition: context.lake.done(context.partition(partition))
        for partition in context.fingerprints
        if partition in ("tracks", "excerpts", "degradations", "labels")
    }
    old = shutil.copy(database_path(small_home), small_home.parent / "opened before.duckdb")
    packed = compact_lake(small_home)
    assert sum(partition.n_units for partition in packed) == 3 + 2 + 2 + 2
    assert all(seen.equals(before[view]) for view, seen in rows_of(small_home).items())
    assert done == {
        partition: context.lake.done(context.partition(partition)) for partition in done
    }
    assert verify_lake(small_home).findings == ()
    assert compact_lake(small_home) == []
    # Who opened the database before gets an error that says what to do, never some of the rows.
    with (
        duckdb.connect(str(old), read_only=True) as connection,
        pytest.raises(duckdb.Error, match=r"moved-to-packs-open-musqa.duckdb-again"),
    ):
        connection.sql("SELECT count(*) FROM labels").fetchall()


def test_damage_in_a_pack_is_found_by_unit_and_mended(small_home):  # noqa: F811
    compact_lake(small_home)
    context = first_context(small_home)
    partition = context.partition("degradations")
    (key,) = read_manifest(context.lake.store, partition).packs
    path = small_home / key
    content = bytearray(path.read_bytes())
    content[len(content) // 4] ^= 1
    path.write_bytes(content)
    seen = verify_lake(small_home)
    assert {finding.key for finding in seen.errors} == {key}
    assert seen.errors[0].kind in {"wrong_checksum", "damaged"}
    assert mend(small_home, seen).moved == [key]
    assert len(context.lake.done(partition)) < 2
    restore_views(small_home)
    assert query(small_home, "SELECT count(*) FROM degradations").item() < 4
    assert {f.kind for f in verify_lake(small_home).errors} <= {"missing"}


def test_a_pack_that_is_gone_is_missing(small_home):  # noqa: F811
    compact_lake(small_home)
    context = first_context(small_home)
    (key,) = read_manifest(context.lake.store, context.partition("labels")).packs
    (small_home / key).unlink()
    found = {(f.kind, f.key) for f in verify_lake(small_home).errors}
    assert ("missing", key) in found


def test_a_partition_is_packed_at_the_end_of_its_stage(home, monkeypatch):
    monkeypatch.setenv(VARIABLE, "3")
    context = toy_context(home, "1 2")
    run_stage(TOY, context)
    partition = TOY.partition(context)
    assert read_manifest(context.lake.store, partition).version is None
    run_stage(TOY, toy_context(home, "1 2 3"))
    assert len(packed_units(context.lake.store, partition)) == 3
    report = run_stage(TOY, toy_context(home, "2 3 4"))
    assert (report.made, report.retired, report.units) == (1, 1, 3)
    report = run_stage(TOY, toy_context(home, "1 2 3 4"))
    assert (report.made, report.restored) == (0, 1)
    squares = context.lake.scan(partition, SQUARES.schema)["square"].to_pylist()
    assert squares == [1, 4, 9, 16]
    monkeypatch.setenv(VARIABLE, "0")
    run_stage(TOY, toy_context(home, "1 2 3 4 5 6 7"))
    assert len(packed_units(context.lake.store, partition)) == 2
    monkeypatch.setenv(VARIABLE, "many")
    with pytest.raises(SettingsError, match=r"MUSQA_COMPACT_AT='many': expected a number of files"):
        run_stage(TOY, toy_context(home, "1"))


def test_gc_clears_what_a_kill_left_beside_packs(small_home):  # noqa: F811
    compact_lake(small_home)
    context = first_context(small_home)
    partition = context.partition("labels")
    (key,) = read_manifest(context.lake.store, partition).packs
    stray = (small_home / key).with_name("0123456789abcdef.parquet")
    stray.write_bytes((small_home / key).read_bytes())
    os.utime(stray, (1, 1))
    os.utime(small_home / key, (1, 1))
    (item,) = find_garbage(small_home)
    assert (item.kind, [k.rpartition("/")[2] for k in item.keys]) == ("superseded", [stray.name])
    clear_garbage(small_home)
    assert not stray.exists()
    assert verify_lake(small_home).findings == ()


def test_a_damaged_manifest_says_so(lake):
    fill(lake, 2)
    compact_partition(lake.store, PARTITION)
    path = lake.folder(PARTITION) / "packs" / "manifest.json"
    assert json.loads(path.read_text())["generation"] == 1
    path.write_text("{")
    assert lake.done(PARTITION) == ["u000", "u001"]  # put back from the copy in its seal
    assert json.loads(path.read_text())["generation"] == 1
    path.write_text("{")
    seal_path(path).unlink()
    with pytest.raises(LakeError, match=r"manifest.json is damaged .*restore it from a backup"):
        lake.done(PARTITION)


def test_superseded_files_are_found_for_all_catalogs(lake):
    for catalog in ("a", "b"):
        partition = Partition("labels", "f" * 32, catalog)
        fill(lake, 2, partition)
        compact_partition(lake.store, partition)
    found = superseded_by_packs(lake.store, Partition("labels", "f" * 32, "*"))
    assert {partition.catalog for partition in found} == {"a", "b"}
    assert isinstance(lake.store, LocalStore)
    assert publish.__module__ == "musqa_pipeline.stages.views.duck"
    assert Lake(lake.root).done(Partition("labels", "f" * 32, "a")) == ["u000", "u001"]
